//! The server's end of a 421 whose client is on this machine too: what the client did is seen at the client's end.

use std::collections::{HashMap, VecDeque};

use super::{Outcome, Told};

/// Names an exchange: its connection's number, and the position of its request there.
pub type Place = (u64, u64);

/// Exchanges that are remembered in each direction.
const KEPT: usize = 8192;

/// Servers' ends that wait for their clients' ends, and the other way round.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// By the place of the client's end: the server's end.
    waiting: HashMap<Place, u64>,
    /// In the order in which they are due.
    due: VecDeque<(u64, Place)>,
    /// What was told of clients' ends.
    told: HashMap<Place, Told>,
    order: VecDeque<Place>,
}

impl Ends {
    /// The server's end waits until `due` for the client's end at `place`.
    pub(super) fn wait(&mut self, exchange: u64, place: Place, due: u64, out: &mut Vec<Told>) {
        if let Some(told) = self.told.get(&place) {
            out.push(Told { exchange, ..*told });
            return;
        }
        if self.due.len() >= KEPT {
            self.give_up_first(out);
        }
        self.due.push_back((due, place));
        if let Some(earlier) = self.waiting.insert(place, exchange) {
            out.push(unseen(earlier));
        }
    }

    /// The outcome of the client's end at `place` is known.
    pub(super) fn tell(&mut self, place: Place, told: Told, out: &mut Vec<Told>) {
        if let Some(exchange) = self.waiting.remove(&place) {
            out.push(Told { exchange, ..told });
            return;
        }
        if self.order.len() >= KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.told.remove(&oldest);
        }
        self.order.push_back(place);
        self.told.insert(place, told);
    }

    /// Gives up those that are due.
    pub(super) fn expire(&mut self, now: u64, out: &mut Vec<Told>) {
        while self.due.front().is_some_and(|(due, _)| *due < now) {
            self.give_up_first(out);
        }
    }

    fn give_up_first(&mut self, out: &mut Vec<Told>) {
        if let Some((_, place)) = self.due.pop_front()
            && let Some(exchange) = self.waiting.remove(&place)
        {
            out.push(unseen(exchange));
        }
    }
}

const fn unseen(exchange: u64) -> Told {
    Told {
        exchange,
        outcome: Outcome::NotObservable,
        retried_as: None,
    }
}
