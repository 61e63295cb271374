//! Joins what different sources tell of one connection.
//!
//! | fact | sources, best first |
//! |---|---|
//! | server name | the ClientHello with the connection's random, the library's object, the client's call |
//! | socket | the library's descriptor, its nested calls, the ClientHello's packets or the other end's mirror image if the process has that very socket |
//! | certificate names | the object, the other end |
//!
//! Equal client randoms are the same connection, whatever BIO, thread or event loop a program uses.

use std::sync::Arc;

use ebpf::record::{self, SocketUse};

use super::{Loss, Observer, Output};
use crate::{
    connection::{
        Added, CertificateSource, Facts, Key, Pair, Role, RoleSource, ServerName, Socket, SocketSource,
    },
    decode::{Datagram, Segment},
    wire::hello::Seen,
};

/// Values of [`Output::Joined`]: joined with a ClientHello on the wire; none seen; socket confirmed by the other end
/// or by the wire; socket not confirmed.
pub const RESULTS: [&str; 5] = [WIRE, NO_CLIENT_HELLO, PEER_SOCKET, WIRE_SOCKET, UNCONFIRMED];
const WIRE: &str = "wire";
const NO_CLIENT_HELLO: &str = "no_client_hello";
const PEER_SOCKET: &str = "peer";
const WIRE_SOCKET: &str = "wire_socket";
/// What is told of a socket that the system did not confirm.
pub const UNCONFIRMED: &str = "unconfirmed";

impl Observer {
    pub(super) fn segment(&mut self, segment: &Segment<'_>, out: &mut Vec<Output>) {
        let mut seen = std::mem::take(&mut self.seen);
        self.assembler.segment(segment, &mut seen);
        self.hellos(seen, out);
    }

    pub(super) fn datagram(&mut self, datagram: &Datagram<'_>, out: &mut Vec<Output>) {
        let mut seen = std::mem::take(&mut self.seen);
        self.assembler.datagram(datagram, &mut seen);
        self.hellos(seen, out);
    }

    pub(super) fn expire_hellos(&mut self, out: &mut Vec<Output>) {
        let mut seen = std::mem::take(&mut self.seen);
        self.assembler.expire(self.now, &mut seen);
        self.hellos(seen, out);
    }

    /// Takes what was seen, and gives its memory back to be used again.
    fn hellos(&mut self, mut seen: Vec<Seen>, out: &mut Vec<Output>) {
        for seen in seen.drain(..) {
            self.hello(seen, out);
        }
        self.seen = seen;
    }

    fn hello(&mut self, seen: Seen, out: &mut Vec<Output>) {
        out.push(Output::ClientHello {
            transport: seen.transport,
            result: seen.result.as_str(),
            hello: seen.hello.clone(),
            flow: seen.flow,
        });
        let Some(hello) = seen.hello else { return };
        let random = hello.random;
        match self.hellos.add(&hello, seen.transport, seen.flow, seen.time) {
            Added::New => self.waiting.add(random, seen.time),
            Added::Known => {}
            Added::Contradicts => out.push(Loss::HelloConflict.told()),
        }
        // It may come after the record of its connection: the two pass through different rings.
        for role in Role::ALL {
            if let Some(key) = self.ends.here(&random, role) {
                self.join_hello(key, true, out);
                self.settle_socket(key, out);
            }
        }
    }

    /// Joins a connection that was just opened.
    pub(super) fn join(&mut self, key: Key, out: &mut Vec<Output>) {
        let Some(facts) = self.facts(key) else { return };
        let (random, role) = (facts.client_random, facts.role);
        // Where the role was learned later, it was told when the connection was.
        let untold = facts.role_source != Some(RoleSource::Requests);
        self.join_hello(key, untold, out);
        if let (Some(random), Some(role)) = (random, role)
            && let Some(other) = self.ends.add(random, role, key)
        {
            self.pair(key, other, out);
        }
        self.settle_socket(key, out);
    }

    fn join_hello(&mut self, key: Key, untold: bool, out: &mut Vec<Output>) {
        let Some(facts) = self.facts(key) else { return };
        let Some(random) = facts.client_random.filter(|_| facts.hello.is_none()) else {
            return;
        };
        let (role, from_start) = (facts.role, facts.from_start);
        let Some((seen, told)) = self.hellos.claim(&random, role) else {
            if from_start && untold {
                out.push(Output::Joined {
                    result: NO_CLIENT_HELLO,
                });
            }
            return;
        };
        let hello = Arc::clone(&seen.hello);
        out.extend(told.map(|id| Output::Superseded { id }));
        out.push(Output::Joined { result: WIRE });
        let mut contradicts = false;
        self.change(key, out, |facts| contradicts = facts.join(&hello));
        if contradicts {
            out.push(Loss::NameConflict.told());
        }
    }

    /// Two connections are the ends of one.
    fn pair(&mut self, key: Key, other: Key, out: &mut Vec<Output>) {
        let (Some(one), Some(two)) = (self.facts(key), self.facts(other)) else {
            self.pair_closed(key, out);
            return;
        };
        let pairs = [(key, as_pair(two)), (other, as_pair(one))];
        for (key, pair) in pairs {
            self.change(key, out, |facts| facts.pair = Some(pair));
        }
        self.paired.insert(key, other);
        self.paired.insert(other, key);
        self.share_certificate(key, out);
        self.share_certificate(other, out);
        self.settle_socket(other, out);
        for key in [key, other] {
            if let Some(facts) = self
                .connections
                .get(&key)
                .map(|tracked| Arc::clone(tracked.facts()))
            {
                self.release_paired(&facts, out);
            }
        }
    }

    /// Tells the other end of the certificate that this one knows.
    pub(super) fn share_certificate(&mut self, key: Key, out: &mut Vec<Output>) {
        let Some(names) = self.facts(key).and_then(|facts| facts.certificate_names.clone()) else {
            return;
        };
        let Some(other) = self.paired.get(&key).copied() else {
            return;
        };
        if self
            .facts(other)
            .is_some_and(|facts| facts.certificate_names.is_none())
        {
            self.change(other, out, |facts| {
                facts.certificate_names = Some(names);
                facts.certificate_source = Some(CertificateSource::Pair);
            });
            if let Some(facts) = self
                .connections
                .get(&other)
                .map(|tracked| Arc::clone(tracked.facts()))
            {
                self.release_paired(&facts, out);
            }
        }
    }

    /// Looks for the socket of a connection whose library does not show it.
    fn settle_socket(&mut self, key: Key, out: &mut Vec<Output>) {
        if self.facts(key).is_none_or(|facts| facts.socket.is_some()) {
            return;
        }
        let candidates = self.candidates(key);
        let used: Vec<Socket> = candidates
            .iter()
            .filter(|socket| self.used_sockets.has(key.pid, socket))
            .copied()
            .collect();
        match used[..] {
            [socket] => self.confirmed(key, socket, out),
            [] => {
                self.socketless.insert(key);
                let Some(tracked) = self.connections.get_mut(&key) else {
                    return;
                };
                for socket in candidates {
                    if tracked.ask(socket) {
                        out.push(Output::Confirm { key, socket });
                    }
                }
            }
            _ => out.push(Loss::SocketAmbiguous.told()),
        }
    }

    /// Sockets that the connection may have, by other sources than its library. Addresses may be translated, and
    /// bytes passed on, between its two ends: none is believed until the process is known to have it.
    fn candidates(&self, key: Key) -> Vec<Socket> {
        let Some(facts) = self.facts(key) else {
            return Vec::new();
        };
        let mut candidates = Vec::new();
        if let (Some(random), Some(role)) = (facts.client_random, facts.role)
            && let Some(seen) = self.hellos.find(&random)
        {
            candidates.extend(seen.flows.iter().map(|flow| Socket::of_flow(*flow, role)));
        }
        if let Some(other) = self.paired.get(&key)
            && let Some(socket) = self.facts(*other).and_then(|facts| facts.socket)
        {
            let mirrored = socket.mirrored();
            if !candidates.iter().any(|candidate| candidate.is_at(&mirrored)) {
                candidates.push(mirrored);
            }
        }
        candidates
    }

    /// The process has this socket, which may be the connection's.
    pub(super) fn confirmed(&mut self, key: Key, socket: Socket, out: &mut Vec<Output>) {
        let Some(tracked) = self.connections.get_mut(&key) else {
            return;
        };
        match tracked.facts().socket {
            None if tracked.is_ambiguous() => return,
            None => {}
            Some(known) => {
                // It has both: which of them it is, nobody can tell.
                if !known.is_at(&socket) && matches!(known.source, SocketSource::Wire | SocketSource::Peer) {
                    tracked.set_ambiguous();
                    out.push(Loss::SocketAmbiguous.told());
                    self.change(key, out, |facts| facts.socket = None);
                }
                return;
            }
        }
        self.socketless.remove(&key);
        self.change(key, out, |facts| facts.socket = Some(socket));
        out.push(Output::Joined {
            result: if socket.source == SocketSource::Wire {
                WIRE_SOCKET
            } else {
                PEER_SOCKET
            },
        });
        if let Some(other) = self.paired.get(&key).copied() {
            self.settle_socket(other, out);
        }
    }

    /// The library showed more of a connection: if its socket is known now, the other end's may be, too.
    fn placed(&mut self, key: Key, out: &mut Vec<Output>) {
        if self.facts(key).is_none_or(|facts| facts.socket.is_none()) {
            return;
        }
        self.socketless.remove(&key);
        if let Some(other) = self.paired.get(&key).copied() {
            self.settle_socket(other, out);
        }
    }

    pub(super) fn socket_used(&mut self, used: &SocketUse, out: &mut Vec<Output>) {
        let Some(pid) = self.used_sockets.add(used) else {
            return;
        };
        let without: Vec<Key> = self.socketless.range(super::keys_of(pid)).copied().collect();
        for key in without {
            self.settle_socket(key, out);
        }
    }

    /// A connection is told again when its handshake is over, if early data came before, and when it shakes hands
    /// again. False if it is not known.
    pub(super) fn told_again(
        &mut self,
        key: Key,
        record: &record::Connection,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(known) = self.facts(key) else {
            return false;
        };
        let now = Facts::new(known.id, known.opened_at, record, Arc::clone(&known.process));
        if record.renegotiated == 0 {
            self.change(key, out, |facts| facts.finish(now));
            self.placed(key, out);
            return true;
        }
        // The first ClientHello is the one that the connection was made for. If the new one, which is encrypted, names
        // another server, nobody can say for which it is now.
        if now.name != ServerName::Unknown && known.name != ServerName::Unknown && now.name != known.name {
            out.push(Loss::NameConflict.told());
            self.change(key, out, |facts| {
                facts.name = ServerName::Unknown;
                facts.name_source = None;
            });
        }
        true
    }

    fn facts(&self, key: Key) -> Option<&Facts> {
        self.connections.get(&key).map(|tracked| &**tracked.facts())
    }
}

/// This end, as the other names it.
pub(super) fn as_pair(facts: &Facts) -> Arc<Pair> {
    Arc::new(Pair {
        connection: facts.id,
        process: Arc::clone(&facts.process),
    })
}
