//! 421s of servers whose client is on this machine, but was not seen yet.
//!
//! A client's connection is told of when its first call returns, and by then a quick server may have answered. Who the
//! client is, and what it does next, is what a 421 is explained with: so it waits a moment for the other end.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Observer, Output, Relay};
use crate::{connection::Facts, http};

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

impl Observer {
    /// Tells a server's 421, at once or when its client's end is known.
    pub(super) fn tell_servers_end(
        &mut self,
        facts: Arc<Facts>,
        exchange: http::Exchange,
        relay: Relay,
        out: &mut Vec<Output>,
    ) {
        if !awaits_its_client(&facts) {
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
            if held.facts.id != facts.id {
                index += 1;
            } else if let Some(held) = self.unpaired.held.remove(index) {
                self.tell(Arc::clone(facts), held.exchange, held.relay, out);
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
    facts.pair.is_none()
        && facts.client_random.is_some()
        && facts
            .socket
            .as_ref()
            .is_some_and(|socket| socket.peer.ip().is_loopback())
}
