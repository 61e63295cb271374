//! HTTP/1: RFC 9112. Responses come in the order of their requests, so the oldest waiting request is answered.

mod head;
mod pairing;
mod target;

use ebpf::record::Direction;

use self::pairing::{Answer, Pairings};
use super::assembly::Unit;
use super::direction::{PerDirection, opposite};
use super::exchange::Exchange;
use super::loss::Losses;

/// The state of a connection that speaks HTTP/1.
pub(super) struct Http1 {
    request_direction: Direction,
    pairings: Pairings,
}

impl Http1 {
    /// A connection whose first head is `unit`.
    pub(super) fn new(
        direction: Direction,
        unit: &Unit<'_>,
        from_start: bool,
        early_gaps: PerDirection<bool>,
    ) -> Self {
        let request_direction = if head::looks_like_response(&unit.bytes) {
            opposite(direction)
        } else {
            direction
        };
        let mut pairings = Pairings::new(from_start);
        if early_gaps[request_direction] {
            pairings.requests_missed();
        }
        if early_gaps[opposite(request_direction)] {
            pairings.responses_missed();
        }
        Self {
            request_direction,
            pairings,
        }
    }

    /// Which way requests go.
    pub(super) const fn request_direction(&self) -> Direction {
        self.request_direction
    }

    /// Whether the next response may answer a request whose head is still under way: a server may refuse a request
    /// before it has read all of its head, and after a loss the rest of the head may have passed unseen.
    pub(super) fn may_answer_head_under_way(&self) -> bool {
        self.pairings.is_empty() || self.pairings.is_response_missed()
    }

    /// Heads of this direction were lost.
    pub(super) fn gap(&mut self, direction: Direction) {
        if direction == self.request_direction {
            self.pairings.requests_missed();
        } else {
            self.pairings.responses_missed();
        }
    }

    /// Takes the next head of a direction.
    pub(super) fn head(
        &mut self,
        direction: Direction,
        unit: &Unit<'_>,
        losses: &mut Losses,
        out: &mut Vec<Exchange>,
    ) {
        if direction == self.request_direction {
            let head = head::request(unit, losses);
            self.pairings.request(head, unit.began, losses);
            return;
        }
        let status = head::status(unit, losses);
        if status.is_none() && !unit.whole {
            // Nothing says even whether it was final: as good as lost.
            self.pairings.responses_missed();
            return;
        }
        // 101 is final: what follows it is another protocol (RFC 9110, section 15.2.2).
        if status.is_some_and(|status| (100..200).contains(&status) && status != 101) {
            return;
        }
        let answer = Answer {
            status,
            began: unit.began,
            ended: unit.ended,
        };
        self.pairings
            .response(answer, self.request_direction, losses, out);
    }

    /// The connection ended.
    pub(super) fn close(&mut self, time: u64, out: &mut Vec<Exchange>) {
        self.pairings.close(time, self.request_direction, out);
    }
}
