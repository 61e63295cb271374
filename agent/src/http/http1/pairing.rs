//! Which response answers which request.
//!
//! ```text
//!                    one exchange later,
//!  late attach       at rest again
//! ────────────> Assumed ───────────────┐
//!                  │ requests missed   v
//!                  v                 Certain <── new connection
//!               Doubtful <─────────────┘
//!                  └── as from Assumed ┘  requests missed, or responses missed while requests waited
//! ```
//!
//! Responses carry no name of their request; only their order does. As long as every head was seen, the oldest
//! waiting request is answered. Once requests may have been missed, the next response can be to one of those,
//! and so can all later ones, if the client pipelines. Nobody but a pipelining client can send a request while
//! another waits. So order is trusted again when a request comes while none waits and a response has come since
//! the loss, on a connection where requests were never seen to wait for each other.

use std::collections::VecDeque;

use ebpf::record::Direction;

use crate::http::exchange::{Earlier, Exchange, Pairing, RequestHead, Status};
use crate::http::loss::{Loss, Losses};

/// Requests of one connection that may wait at once. More than any client pipelines.
const WAITING: usize = 256;

/// A final response.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    /// Its status code, `None` if that could not be read.
    pub(super) status: Option<u16>,
    /// When its head began.
    pub(super) began: u64,
    /// When its head was complete.
    pub(super) ended: u64,
}

/// What the order of responses is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Certain,
    Assumed,
    Doubtful,
}

/// A request that waits for its response.
struct Waiting {
    number: Option<u64>,
    head: RequestHead,
    earlier: Earlier,
    requested_at: u64,
    order: Order,
    /// Responses were missed since it came.
    response_missed: bool,
}

/// The requests of one connection that wait.
pub(super) struct Pairings {
    waiting: VecDeque<Waiting>,
    /// Requests behind those in `waiting` that were not kept.
    dropped: usize,
    /// Number of the next request, while every one was seen.
    next_number: Option<u64>,
    /// What the requests so far were for.
    earlier: Earlier,
    order: Order,
    /// Whether a final response came to a request whose order is in doubt, or to one that was missed.
    answered_since: bool,
    /// Whether responses were missed since the latest one.
    response_missed: bool,
    /// Whether one request was ever seen to wait behind another.
    pipelines: bool,
}

impl Pairings {
    /// A connection of which nothing was seen yet; `from_start`: nor missed.
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            earlier: Earlier::none(from_start),
            waiting: VecDeque::new(),
            dropped: 0,
            next_number: if from_start { Some(1) } else { None },
            order: if from_start {
                Order::Certain
            } else {
                Order::Assumed
            },
            answered_since: false,
            response_missed: false,
            pipelines: false,
        }
    }

    /// Whether no request is waiting.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.dropped == 0
    }

    /// Whether responses were missed since the latest one.
    pub(super) const fn is_response_missed(&self) -> bool {
        self.response_missed
    }

    /// Requests may have been missed.
    pub(super) const fn requests_missed(&mut self) {
        self.next_number = None;
        self.earlier.missed();
        self.doubt();
    }

    /// Responses may have been missed.
    pub(super) fn responses_missed(&mut self) {
        self.response_missed = true;
        for waiting in &mut self.waiting {
            waiting.response_missed = true;
        }
    }

    /// A request came.
    pub(super) fn request(&mut self, head: RequestHead, requested_at: u64, losses: &mut Losses) {
        let number = self.next_number;
        let earlier = self.earlier.advance(&head);
        self.next_number = number.map(|number| number + 1);
        if self.is_empty() {
            if self.answered_since && !self.pipelines {
                self.order = Order::Certain;
            }
        } else {
            self.pipelines = true;
        }
        if self.dropped > 0 || self.waiting.len() == WAITING {
            losses.add(Loss::TooManyRequests);
            self.dropped += 1;
            return;
        }
        let order = self.order;
        self.waiting.push_back(Waiting {
            number,
            head,
            earlier,
            requested_at,
            order,
            response_missed: false,
        });
    }

    /// A final response came: the oldest request is complete, or, if it cannot be told whose it is, all are.
    pub(super) fn response(
        &mut self,
        answer: Answer,
        direction: Direction,
        losses: &mut Losses,
        out: &mut Vec<Exchange>,
    ) {
        let missed = std::mem::take(&mut self.response_missed);
        if missed && !self.is_empty() {
            // Any of those that wait may have been answered by what was missed, even if only one does: losses come
            // in bursts, and a later request may have been missed without its direction showing it yet.
            losses.add(Loss::AmbiguousResponse);
            self.dropped = 0;
            out.extend(self.waiting.drain(..).map(|waiting| {
                waiting.complete(direction, Pairing::Certain, Status::Unknown, None, answer.ended)
            }));
            self.doubt();
            self.answered_since = true;
            return;
        }
        let Some(oldest) = self.waiting.pop_front() else {
            // Those not kept were counted when they came.
            if self.dropped > 0 {
                self.dropped -= 1;
            } else {
                self.answered_since = true;
                losses.add(Loss::StrayResponse);
            }
            return;
        };
        // The answer of a request from before the loss says nothing about those missed.
        self.answered_since |= oldest.order != Order::Certain;
        let status = answer.status.map_or(Status::Unknown, Status::Code);
        let (status, answered_at, pairing) = match oldest.order {
            Order::Certain => (status, Some(answer.began), Pairing::Certain),
            Order::Assumed if !self.pipelines => (status, Some(answer.began), Pairing::Assumed),
            Order::Assumed | Order::Doubtful => {
                losses.add(Loss::AmbiguousResponse);
                (Status::Unknown, None, Pairing::Certain)
            }
        };
        out.push(oldest.complete(direction, pairing, status, answered_at, answer.ended));
    }

    /// The connection ended: no request that waits will be answered. Nor was it, unless responses were missed: each
    /// response took one request out of the queue, and no response overtakes another.
    pub(super) fn close(&mut self, time: u64, direction: Direction, out: &mut Vec<Exchange>) {
        out.extend(self.waiting.drain(..).map(|waiting| {
            let status = if waiting.response_missed {
                Status::Unknown
            } else {
                Status::NoneCame
            };
            waiting.complete(direction, Pairing::Certain, status, None, time)
        }));
        self.dropped = 0;
    }

    const fn doubt(&mut self) {
        self.order = Order::Doubtful;
        self.answered_since = false;
    }
}

impl Waiting {
    fn complete(
        self,
        request_direction: Direction,
        pairing: Pairing,
        status: Status,
        answered_at: Option<u64>,
        completed_at: u64,
    ) -> Exchange {
        Exchange {
            request_number: self.number,
            stream_id: None,
            protocol: self.head.protocol,
            request_direction,
            method: self.head.method,
            authority: self.head.authority,
            host: self.head.host,
            extended_connect: self.head.extended_connect,
            status,
            pairing,
            earlier: self.earlier,
            requested_at: self.requested_at,
            answered_at,
            completed_at,
        }
    }
}
