//! Exchanges of servers whose client is on this machine, but was not seen yet: 421s, and what is asked for on a connection
//! whose certificate the server's library does not show, but its client's may.
//!
//! A client's connection is told of when its first call returns, and by then a quick server may have answered. Who the
//! client is, and what it does next, is what a 421 is explained with: so it waits a moment for the other end, even where
//! the server has closed the connection meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;

use super::join::as_pair;
use super::{Observer, Output, Relay};
use crate::connection::{CertificateSource, Facts, Key, Role, RoleSource};
use crate::http;

/// Exchanges that may wait at once.
const HELD: usize = 4096;
/// How long one waits, nanoseconds: a call that was interrupted returns after a few time slices.
const PATIENCE: u64 = 1_000_000_000;

/// Exchanges that wait for the other end of their connection, oldest first.
#[derive(Debug, Default)]
pub(super) struct Unpaired {
    held: VecDeque<Held>,
}

#[derive(Debug)]
struct Held {
    due: u64,
    facts: Arc<Facts>,
    exchange: http::Exchange,
    relay: Relay,
}

impl Unpaired {
    /// Those of the server whose client has this end.
    fn of<'a>(&'a mut self, client: &'a Facts) -> impl Iterator<Item = &'a mut Held> {
        self.held.iter_mut().filter(|held| {
            client.role == Some(Role::Client) && held.facts.client_random == client.client_random
        })
    }
}

impl Observer {
    /// Whether the certificate of a server's connection may be told by its client at any moment: verdicts rest on it.
    pub(super) fn may_learn_certificate(&self, facts: &Facts) -> bool {
        let opened = facts.opened_at.saturating_sub(self.epoch);
        let is_young = self.now < opened.saturating_add(PATIENCE);
        is_young && is_local(facts) && lacks_certificate(facts)
    }

    /// Tells a server's end of an exchange, at once or when its client's end is known.
    pub(super) fn tell_servers_end(
        &mut self,
        facts: Arc<Facts>,
        exchange: http::Exchange,
        relay: Relay,
        out: &mut Vec<Output>,
    ) {
        if !awaits_its_client(&facts) && !self.may_learn_certificate(&facts) {
            self.tell(facts, exchange, relay, out);
            return;
        }
        if self.unpaired.held.len() >= HELD {
            self.release_first_unpaired(out);
        }
        self.unpaired.held.push_back(Held {
            due: self.now.saturating_add(PATIENCE),
            facts,
            exchange,
            relay,
        });
    }

    /// The other end of a connection is known: these are its facts now.
    pub(super) fn release_paired(&mut self, facts: &Arc<Facts>, out: &mut Vec<Output>) {
        let mut index = 0;
        while let Some(held) = self.unpaired.held.get(index) {
            if held.facts.id != facts.id || lacks_certificate(facts) && held.due > self.now {
                index += 1;
            } else if let Some(held) = self.unpaired.held.remove(index) {
                self.tell(Arc::clone(facts), held.exchange, held.relay, out);
            }
        }
    }

    /// A client's end has come after its server's was closed: tells each of the other. What the client is yet to tell of
    /// its certificate is known by the time the server's end is told.
    pub(super) fn pair_closed(&mut self, key: Key, out: &mut Vec<Output>) {
        let Some(tracked) = self.connections.get(&key) else {
            return;
        };
        let facts = Arc::clone(tracked.facts());
        let mut server = None;
        for held in self.unpaired.of(&facts) {
            let held = Arc::make_mut(&mut held.facts);
            held.pair = Some(as_pair(&facts));
            server = Some(as_pair(held));
        }
        if server.is_some() {
            self.change(key, out, |facts| facts.pair = server);
        }
    }

    /// The client's end knows the certificate that the server presented.
    pub(super) fn share_certificate_with_closed(&mut self, key: Key) {
        let Some(tracked) = self.connections.get(&key) else {
            return;
        };
        let facts = Arc::clone(tracked.facts());
        for held in self.unpaired.of(&facts) {
            if held.facts.certificate_names.is_none() && facts.certificate_names.is_some() {
                let held = Arc::make_mut(&mut held.facts);
                held.certificate_names.clone_from(&facts.certificate_names);
                held.certificate_source = Some(CertificateSource::Pair);
            }
        }
    }

    /// Gives up waiting for ends that should have come by now.
    pub(super) fn release_unpaired(&mut self, now: u64, out: &mut Vec<Output>) {
        while self.unpaired.held.front().is_some_and(|held| held.due <= now) {
            self.release_first_unpaired(out);
        }
    }

    fn release_first_unpaired(&mut self, out: &mut Vec<Output>) {
        if let Some(held) = self.unpaired.held.pop_front() {
            self.tell(held.facts, held.exchange, held.relay, out);
        }
    }
}

/// Whether the client is on this machine, and not known yet. Only loopback tells for certain: of others, the retry may
/// be told meanwhile.
fn awaits_its_client(facts: &Facts) -> bool {
    facts.pair.is_none() && is_local(facts)
}

fn is_local(facts: &Facts) -> bool {
    let socket = facts.socket.as_ref();
    facts.client_random.is_some() && socket.is_some_and(|socket| socket.peer.ip().is_loopback())
}

/// Whether the server's library does not show its certificate, and nobody else did. A library that does not say which side
/// it is on says nothing else either.
fn lacks_certificate(facts: &Facts) -> bool {
    facts.certificate_names.is_none() && facts.role_source == Some(RoleSource::Requests)
}
