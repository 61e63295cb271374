//! Hops that pass on what another hop answered.
//!
//! ```text
//! client ──── exchange X ────▶ proxy ──── exchange U ────▶ upstream
//!              421 relayed  ◀──────────     421      ◀────
//! ```
//! A proxy's process is seen on both hops. X is called relayed if U lies within it in time, both answered 421, and
//! each U stands for one X only: with the same authority beyond doubt, with another it may be, which is told as such.
//! The client's end of X learns it from the proxy's end, by connection and request number: its own record is often
//! made before the proxy's.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::{Loss, Observer, Output, Relay, judged};
use crate::{
    connection::{Facts, Role},
    http::{self, Status},
};

/// Misdirected.
const MISDIRECTED: u16 = 421;
/// Answers of upstream hops that are remembered for each process.
const ANSWERS: usize = 256;
/// What is remembered of exchanges for their clients' ends.
const TOLD: usize = 16_384;
/// Exchanges that may wait for the other end at once.
const HELD: usize = 4096;
/// How long an exchange waits for what its other end tells.
const PATIENCE: u64 = 1_000_000_000;

/// Names an exchange: its connection, and the number of its request there.
type Place = (u64, u64);

/// What is known of hops.
#[derive(Debug, Default)]
pub(super) struct Hops {
    /// Processes that accepted a connection.
    serving: HashSet<u32>,
    /// Processes that dialled one.
    dialling: HashSet<u32>,
    /// 421s that a process was answered, oldest first.
    answers: HashMap<u32, VecDeque<Answer>>,
    /// What was found of 421s that a process gave.
    told: HashMap<Place, Relay>,
    order: VecDeque<Place>,
    held: VecDeque<Held>,
}

/// A 421 of an upstream hop.
#[derive(Debug)]
struct Answer {
    requested_at: u64,
    answered_at: u64,
    authority: Option<Box<str>>,
}

/// An exchange that waits for its other end.
#[derive(Debug)]
struct Held {
    due: u64,
    place: Place,
    facts: Arc<Facts>,
    exchange: http::Exchange,
    /// The process that asked has ended meanwhile.
    process_ended: bool,
}

impl Hops {
    pub(super) fn connected(&mut self, pid: u32, role: Role) {
        match role {
            Role::Server => self.serving.insert(pid),
            Role::Client => self.dialling.insert(pid),
        };
    }

    /// Whether the process accepts connections.
    pub(super) fn serves(&self, pid: u32) -> bool {
        self.serving.contains(&pid)
    }

    /// Whether the process dials connections and accepts others.
    fn is_proxy(&self, pid: u32) -> bool {
        self.serving.contains(&pid) && self.dialling.contains(&pid)
    }

    /// The process ended.
    pub(super) fn forget(&mut self, pid: u32) {
        for held in self.held.iter_mut().filter(|held| held.facts.pid == pid) {
            held.process_ended = true;
        }
        self.serving.remove(&pid);
        self.dialling.remove(&pid);
        self.answers.remove(&pid);
    }

    fn answered(&mut self, pid: u32, exchange: &http::Exchange, authority: Option<Box<str>>) {
        let answers = self.answers.entry(pid).or_default();
        if answers.len() >= ANSWERS {
            answers.pop_front();
        }
        answers.push_back(Answer {
            requested_at: exchange.requested_at,
            answered_at: answered_at(exchange),
            authority,
        });
    }

    /// Finds, and takes, the upstream answer that a 421 of this process passes on.
    fn relayed(&mut self, pid: u32, exchange: &http::Exchange, authority: Option<&str>) -> Relay {
        let Some(answers) = self.answers.get_mut(&pid) else {
            return Relay::No;
        };
        let within = |answer: &Answer| {
            answer.requested_at >= exchange.requested_at && answer.answered_at <= answered_at(exchange)
        };
        let same = answers
            .iter()
            .position(|answer| within(answer) && answer.authority.as_deref() == authority);
        if let Some(index) = same {
            answers.remove(index);
            return if authority.is_some() {
                Relay::Yes
            } else {
                Relay::Unclear
            };
        }
        match answers.iter().position(within) {
            Some(index) => {
                answers.remove(index);
                Relay::Unclear
            }
            None => Relay::No,
        }
    }

    fn tell(&mut self, place: Place, relay: Relay) {
        if self.order.len() >= TOLD
            && let Some(oldest) = self.order.pop_front()
        {
            self.told.remove(&oldest);
        }
        self.order.push_back(place);
        self.told.insert(place, relay);
    }
}

impl Observer {
    /// Judges an exchange, or holds it until its other end was.
    pub(super) fn judge_one(&mut self, facts: Arc<Facts>, exchange: http::Exchange, out: &mut Vec<Output>) {
        let direction = Role::of_requests(exchange.request_direction);
        if facts.role.is_some_and(|role| role != direction) {
            out.push(Loss::RoleConflict.told());
        }
        let role = facts.role.unwrap_or(direction);
        if exchange.status != Status::Code(MISDIRECTED) {
            if role == Role::Server && self.may_learn_certificate(&facts) {
                self.tell_servers_end(facts, exchange, Relay::No, out);
            } else {
                self.tell(facts, exchange, Relay::No, out);
            }
            return;
        }
        let authority = judged::authority_of(&facts, &exchange);
        match role {
            Role::Server => {
                let place = exchange.request_number.map(|number| (facts.id, number));
                let relay = self.hops.relayed(facts.pid, &exchange, authority.as_deref());
                self.tell_servers_end(facts, exchange, relay, out);
                if let Some(place) = place {
                    self.hops.tell(place, relay);
                    self.release_waiting_for(place, relay, out);
                }
            }
            Role::Client => {
                // For the hop before it, even while it waits itself.
                self.hops.answered(facts.pid, &exchange, authority);
                self.judge_clients_end(facts, exchange, out);
            }
        }
    }

    fn judge_clients_end(&mut self, facts: Arc<Facts>, exchange: http::Exchange, out: &mut Vec<Output>) {
        let Some(pair) = facts
            .pair
            .as_ref()
            .filter(|pair| self.hops.is_proxy(pair.process.pid))
        else {
            self.tell(facts, exchange, Relay::No, out);
            return;
        };
        // Without its number the other end of the exchange cannot be told from its neighbours.
        let Some(place) = exchange.request_number.map(|number| (pair.connection, number)) else {
            self.tell(facts, exchange, Relay::Unclear, out);
            return;
        };
        if let Some(relay) = self.hops.told.get(&place).copied() {
            self.tell(facts, exchange, relay, out);
            return;
        }
        if self.hops.held.len() >= HELD {
            self.release_first(out);
        }
        self.hops.held.push_back(Held {
            due: self.now.saturating_add(PATIENCE),
            place,
            facts,
            exchange,
            process_ended: false,
        });
    }

    /// Gives up waiting for other ends that should have told by now.
    pub(super) fn release_held(&mut self, now: u64, out: &mut Vec<Output>) {
        while self.hops.held.front().is_some_and(|held| held.due <= now) {
            self.release_first(out);
        }
    }

    fn release_first(&mut self, out: &mut Vec<Output>) {
        if let Some(held) = self.hops.held.pop_front() {
            self.release(held, Relay::Unclear, out);
        }
    }

    fn release_waiting_for(&mut self, place: Place, relay: Relay, out: &mut Vec<Output>) {
        if let Some(index) = self.hops.held.iter().position(|held| held.place == place)
            && let Some(held) = self.hops.held.remove(index)
        {
            self.release(held, relay, out);
        }
    }

    fn release(&mut self, held: Held, relay: Relay, out: &mut Vec<Output>) {
        let pid = held.facts.pid;
        self.tell(held.facts, held.exchange, relay, out);
        // Outcomes were told of the process's end before this 421 was known to be one. The next that waits may be what
        // its client asked next.
        if held.process_ended && !self.hops.held.iter().any(|other| other.facts.pid == pid) {
            self.outcomes.process_ended(pid, &mut self.told);
            self.tell_outcomes(out);
        }
    }
}

pub(super) fn answered_at(exchange: &http::Exchange) -> u64 {
    exchange.answered_at.unwrap_or(exchange.completed_at)
}
