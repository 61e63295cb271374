//! Tells an exchange: judged with all that is known beside it, and followed to its outcome if it was answered 421.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use super::hop::answered_at;
use super::{Hop, Judged, Loss, Observer, Output, Relay};
use crate::connection::{Facts, Process, Role};
use crate::http::{self, Status};
use crate::listener::{Listeners, Seen};
use crate::outcome::{Answer, Client, Event, Told};
use crate::policy::{Policy, Situation};
use crate::verdict::name::Host;
use crate::verdict::{Learned, SniState};

/// Misdirected.
const MISDIRECTED: u16 = 421;

impl Observer {
    /// Judges an exchange whose relay is known, and tells it.
    pub(super) fn tell(
        &mut self,
        facts: Arc<Facts>,
        exchange: http::Exchange,
        relay: Relay,
        out: &mut Vec<Output>,
    ) {
        self.next_exchange += 1;
        let role = facts
            .role
            .unwrap_or(Role::of_requests(exchange.request_direction));
        let proxy_client = client_process(&facts, role).is_some_and(|client| self.hops.serves(client.pid));
        let hop = Hop { relay, proxy_client };
        let (listeners, policy, epoch) = (&mut self.listeners, &self.policy, self.epoch);
        let connection = Arc::clone(&facts);
        let status = match exchange.status {
            Status::Code(code) => Some(code),
            Status::NoneCame | Status::Unknown => None,
        };
        let time = epoch.saturating_add(exchange.requested_at);
        let mut kept = true;
        let judged = Judged::new(self.next_exchange, epoch, facts, exchange, |names| {
            let seen = Seen {
                connection: &connection,
                role,
                sni: None,
                authority: None,
                status,
                time,
            };
            let learned =
                Learned::from(hop).and(configured(policy, &connection, role, names.sni, names.authority));
            learned.and(learn(listeners, seen, names.sni, names.authority, &mut kept))
        });
        if !kept {
            out.push(Loss::ListenerNames.told());
        }
        self.follow(&judged, role, proxy_client);
        out.push(Output::Exchange(Arc::new(judged)));
        self.tell_outcomes(out);
    }

    /// Follows a 421 to its outcome, and what came before to its.
    fn follow(&mut self, judged: &Judged, role: Role, proxy_client: bool) {
        let exchange = &judged.exchange;
        let facts = &*judged.connection;
        let answered_at = answered_at(exchange);
        let misdirected = exchange.status == Status::Code(MISDIRECTED);
        let answer = match exchange.status {
            Status::Code(MISDIRECTED) => Answer::Misdirected,
            Status::Code(_) => Answer::Other,
            Status::NoneCame | Status::Unknown => Answer::Unknown,
        };
        let place = exchange.request_number.map(|number| (facts.id, number));
        let client = match (role, &facts.pair) {
            // A proxy's requests are its clients': the next one is hardly the answer to the last.
            (Role::Client, _) if proxy_client => None,
            (Role::Client, _) => Some(Client::Process(facts.pid)),
            (Role::Server, Some(pair)) => {
                if misdirected && let Some(number) = exchange.request_number {
                    let clients_end = (pair.connection, number);
                    self.outcomes
                        .servers_end(judged.id, clients_end, answered_at, &mut self.told);
                    return;
                }
                None
            }
            (Role::Server, None) => remote_client(facts),
        };
        match (client, judged.authority.as_deref()) {
            (Some(client), Some(authority)) => self.outcomes.exchange(
                &Event {
                    exchange: judged.id,
                    client,
                    authority,
                    connection: facts.id,
                    request_number: exchange.request_number,
                    requested_at: exchange.requested_at,
                    answered_at,
                    answer,
                },
                &mut self.told,
            ),
            _ if misdirected => self.outcomes.unobservable(judged.id, place, &mut self.told),
            _ => {}
        }
    }

    /// Tells the outcomes that became known.
    pub(super) fn tell_outcomes(&mut self, out: &mut Vec<Output>) {
        out.extend(self.told.drain(..).map(
            |Told {
                 exchange,
                 outcome,
                 retried_as,
             }| Output::Outcome {
                exchange,
                outcome,
                retried_as,
            },
        ));
    }
}

/// What listeners tell of an exchange, before they learn from it.
fn learn(
    listeners: &mut Listeners,
    seen: Seen<'_>,
    sni: Option<&Host>,
    authority: Option<&Host>,
    kept: &mut bool,
) -> Learned {
    // Of a connection whose name is not known there is nothing to learn, nor of one with a name that is none.
    if sni.is_none() && SniState::from(&seen.connection.name) != SniState::Absent {
        return Learned::default();
    }
    let (sni, authority) = (sni.map(Host::text), authority.map(Host::text));
    let seen = Seen {
        sni: sni.as_deref(),
        authority: authority.as_deref(),
        ..seen
    };
    let learned = listeners.learned(&seen);
    *kept = listeners.learn(&seen);
    learned
}

/// What the policy says of an exchange.
fn configured(
    policy: &Policy,
    connection: &Facts,
    role: Role,
    sni: Option<&Host>,
    authority: Option<&Host>,
) -> Learned {
    let socket = connection.socket.as_ref();
    let (server, client) = match role {
        Role::Server => (
            socket.map(|socket| socket.local),
            socket.map(|socket| socket.peer),
        ),
        Role::Client => (
            socket.map(|socket| socket.peer),
            socket.map(|socket| socket.local),
        ),
    };
    policy.learned(&Situation {
        server,
        server_process: server_process(connection, role),
        client,
        client_process: client_process(connection, role),
        sni,
        without_sni: SniState::from(&connection.name) == SniState::Absent,
        authority,
    })
}

/// The client's process, if it is on this machine.
fn client_process(connection: &Facts, role: Role) -> Option<&Process> {
    match role {
        Role::Client => Some(&connection.process),
        Role::Server => connection.pair.as_ref().map(|pair| &*pair.process),
    }
}

/// The server's process, if it is on this machine.
fn server_process(connection: &Facts, role: Role) -> Option<&Process> {
    match role {
        Role::Server => Some(&connection.process),
        Role::Client => connection.pair.as_ref().map(|pair| &*pair.process),
    }
}

/// The client as its server sees it. On loopback an address tells no client from another.
fn remote_client(connection: &Facts) -> Option<Client> {
    let address = connection.socket.as_ref()?.peer.ip();
    if address.is_loopback() {
        return None;
    }
    let fingerprint = connection.hello.as_ref().map_or(0, |hello| {
        let mut hasher = DefaultHasher::new();
        hello.ja4.hash(&mut hasher);
        hasher.finish()
    });
    Some(Client::Remote { address, fingerprint })
}
