//! The 421s of one client for one authority.

use std::collections::VecDeque;

use super::{Answer, Event, Outcome, Told};

/// 421s of one client for one authority that wait at once: a browser asks for a page's parts in parallel.
const WAITING: usize = 128;
/// A 421 that follows this many others in a row is part of a loop.
const LOOP: u32 = 3;

/// The 421s of one client for one authority.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Those whose outcome is not known yet, oldest first.
    waiting: VecDeque<Waiting>,
    /// When one was last cured.
    cured_at: Option<u64>,
    /// When it is looked at next; entries of the tracker's queue for other times are void.
    pub(super) scheduled: Option<u64>,
}

/// A 421 whose outcome is not known yet.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    exchange: u64,
    connection: u64,
    answered_at: u64,
    /// How many 421s in a row it is the last of.
    depth: u32,
    /// It came after a cure.
    again: bool,
    /// The client asked again, and it is not known how that was answered.
    tried: bool,
}

/// The windows of [`super::Windows`], in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spans {
    pub(super) retry: u64,
    pub(super) ping_pong: u64,
}

impl Chain {
    /// Takes an exchange of this client for this authority.
    pub(super) fn event(&mut self, event: &Event<'_>, spans: Spans, out: &mut Vec<Told>) {
        let followed = self.followed(event, spans, out);
        if event.answer == Answer::Misdirected {
            let again = followed.is_none()
                && self.cured_at.is_some_and(|cured| {
                    event.requested_at >= cured && event.requested_at - cured <= spans.ping_pong
                });
            if self.waiting.len() >= WAITING {
                out.extend(self.waiting.pop_front().map(Waiting::unseen));
            }
            self.waiting.push_back(Waiting {
                exchange: event.exchange,
                connection: event.connection,
                answered_at: event.answered_at,
                depth: followed.map_or(1, |depth| depth.saturating_add(1)),
                again,
                tried: false,
            });
        }
    }

    /// Tells the outcome of the 421 that this exchange follows from, and how many in a row that was the last of. One
    /// that began before the answer is no retry; each is the retry of one 421 at most.
    fn followed(&mut self, event: &Event<'_>, spans: Spans, out: &mut Vec<Told>) -> Option<u32> {
        let index = self.waiting.iter().position(|waiting| {
            event.requested_at >= waiting.answered_at
                && event.requested_at - waiting.answered_at <= spans.retry
                && !(event.answer == Answer::Unknown && waiting.tried)
        })?;
        if event.answer == Answer::Unknown {
            self.waiting[index].tried = true;
            return None;
        }
        let waiting = self.waiting.remove(index)?;
        let same = waiting.connection == event.connection;
        let outcome = match event.answer {
            _ if same => Outcome::SameConnectionRetry,
            Answer::Misdirected if waiting.depth + 1 >= LOOP => Outcome::Loop,
            Answer::Misdirected => Outcome::Second421,
            Answer::Other | Answer::Unknown => Outcome::Cured,
        };
        if outcome == Outcome::Cured {
            self.cured_at = Some(event.answered_at);
        }
        out.push(Told {
            exchange: waiting.exchange,
            outcome: if waiting.again { Outcome::PingPong } else { outcome },
            retried_as: Some(event.exchange),
        });
        Some(waiting.depth)
    }

    /// It is this late: gives up those that waited long enough. `absent` is the outcome of those that nothing followed.
    pub(super) fn expire(&mut self, now: u64, spans: Spans, absent: Outcome, out: &mut Vec<Told>) {
        let patience = spans.retry.saturating_mul(2);
        while let Some(waiting) = self
            .waiting
            .pop_front_if(|waiting| waiting.answered_at.saturating_add(patience) < now)
        {
            out.push(waiting.given_up(absent));
        }
        if self
            .cured_at
            .is_some_and(|cured| cured.saturating_add(spans.ping_pong) < now)
        {
            self.cured_at = None;
        }
    }

    /// Gives up all. `absent` as in [`Self::expire`].
    pub(super) fn end(&mut self, absent: Outcome, out: &mut Vec<Told>) {
        out.extend(self.waiting.drain(..).map(|waiting| waiting.given_up(absent)));
    }

    /// When there is something to expire; `None` if there is nothing left to remember.
    pub(super) fn due(&self, spans: Spans) -> Option<u64> {
        let waiting = self
            .waiting
            .front()
            .map(|waiting| waiting.answered_at.saturating_add(spans.retry.saturating_mul(2)));
        let cured = self.cured_at.map(|cured| cured.saturating_add(spans.ping_pong));
        waiting.into_iter().chain(cured).min()
    }
}

impl Waiting {
    fn given_up(self, absent: Outcome) -> Told {
        let outcome = if self.again {
            Outcome::PingPong
        } else if self.tried {
            Outcome::NotObservable
        } else {
            absent
        };
        Told {
            exchange: self.exchange,
            outcome,
            retried_as: None,
        }
    }

    fn unseen(self) -> Told {
        self.given_up(Outcome::NotObservable)
    }
}
