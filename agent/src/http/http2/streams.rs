//! Streams whose request was seen and whose final response was not, yet.

use std::collections::BTreeMap;

use ebpf::record::Direction;

use crate::http::exchange::{Earlier, Exchange, Pairing, RequestHead, Status};
use crate::http::loss::{Loss, Losses};

/// Streams of one connection that may wait at once. Servers allow 100 to 250.
const WAITING: usize = 1024;

/// A request that waits for its final response.
struct Waiting {
    number: Option<u64>,
    head: RequestHead,
    earlier: Earlier,
    requested_at: u64,
    /// Response heads were missed since it came.
    response_missed: bool,
    /// Whether it is certain that it came.
    proven: bool,
}

/// The requests of one connection that wait.
pub(super) struct Streams {
    /// What the requests so far were for.
    earlier: Earlier,
    waiting: BTreeMap<u32, Waiting>,
    /// Highest stream on which a request was seen.
    highest: u32,
    /// Requests seen.
    count: u64,
    /// Highest stream that the server will process, once it said so.
    last: Option<u32>,
}

impl Streams {
    /// A connection of which nothing was seen yet; `from_start`: nor missed.
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            earlier: Earlier::none(from_start),
            waiting: BTreeMap::new(),
            highest: 0,
            count: 0,
            last: None,
        }
    }

    /// Whether a request on this stream is new: identifiers only rise (RFC 9113, section 5.1.1), so any other
    /// block in the direction of requests is trailers.
    pub(super) const fn is_new(&self, stream: u32) -> bool {
        stream > self.highest
    }

    /// Whether the request of this stream waits.
    pub(super) fn is_waiting(&self, stream: u32) -> bool {
        self.waiting.contains_key(&stream)
    }

    /// A request came, on a stream that is new. `complete` says that no request was missed before, `proven` that it
    /// is certain that it came.
    pub(super) fn open(
        &mut self,
        stream: u32,
        head: RequestHead,
        requested_at: u64,
        complete: bool,
        proven: bool,
    ) {
        self.highest = stream;
        self.count += 1;
        if !complete {
            self.earlier.missed();
        }
        let earlier = self.earlier.advance(&head);
        let number = complete.then_some(self.count);
        self.waiting.insert(
            stream,
            Waiting {
                number,
                head,
                earlier,
                requested_at,
                response_missed: false,
                proven,
            },
        );
    }

    /// Nothing is known of earlier requests, and those that wait are none: their frames were something else.
    pub(super) fn forget(&mut self, losses: &mut Losses) {
        self.earlier = Earlier::none(false);
        self.highest = 0;
        self.last = None;
        for _ in std::mem::take(&mut self.waiting) {
            losses.add(Loss::Unproven);
        }
    }

    /// From now on what is seen is certain; nothing that was seen before is.
    pub(super) fn believe(&mut self) {
        self.earlier = Earlier::none(false);
    }

    /// Gives up the oldest stream if more wait than are kept.
    pub(super) fn limit(
        &mut self,
        direction: Direction,
        now: u64,
        losses: &mut Losses,
        out: &mut Vec<Exchange>,
    ) {
        if self.waiting.len() > WAITING
            && let Some((stream, waiting)) = self.waiting.pop_first()
        {
            losses.add(Loss::TooManyRequests);
            waiting.complete(stream, direction, (Status::Unknown, None, now), losses, out);
        }
    }

    /// The server will process no stream above this one.
    pub(super) fn go_away(&mut self, last: u32) {
        self.last = Some(self.last.map_or(last, |before| before.min(last)));
    }

    /// Responses of all streams may have been missed.
    pub(super) fn responses_missed(&mut self) {
        for waiting in self.waiting.values_mut() {
            waiting.response_missed = true;
        }
    }

    /// The response of one stream may have been missed.
    pub(super) fn response_missed(&mut self, stream: u32) {
        if let Some(waiting) = self.waiting.get_mut(&stream) {
            waiting.response_missed = true;
        }
    }

    /// Whether the response of this stream may have been missed.
    pub(super) fn is_response_missed(&self, stream: u32) -> bool {
        self.waiting
            .get(&stream)
            .is_some_and(|waiting| waiting.response_missed)
    }

    /// The final response came on this stream, `status` being `None` if it could not be seen.
    pub(super) fn answer(
        &mut self,
        stream: u32,
        direction: Direction,
        status: Option<u16>,
        (began, ended): (u64, u64),
        losses: &mut Losses,
        out: &mut Vec<Exchange>,
    ) {
        if let Some(waiting) = self.waiting.remove(&stream) {
            let status = status.map_or(Status::Unknown, Status::Code);
            waiting.complete(stream, direction, (status, Some(began), ended), losses, out);
        }
    }

    /// The stream ended, and if no response was missed, none came.
    pub(super) fn end(
        &mut self,
        stream: u32,
        direction: Direction,
        now: u64,
        losses: &mut Losses,
        out: &mut Vec<Exchange>,
    ) {
        if let Some(waiting) = self.waiting.remove(&stream) {
            let status = if waiting.response_missed {
                Status::Unknown
            } else {
                Status::NoneCame
            };
            waiting.complete(stream, direction, (status, None, now), losses, out);
        }
    }

    /// The connection ended, and with it all streams.
    pub(super) fn close(
        &mut self,
        direction: Direction,
        now: u64,
        losses: &mut Losses,
        out: &mut Vec<Exchange>,
    ) {
        for (stream, waiting) in std::mem::take(&mut self.waiting) {
            let refused = self.last.is_some_and(|last| stream > last);
            let status = if waiting.response_missed && !refused {
                Status::Unknown
            } else {
                Status::NoneCame
            };
            waiting.complete(stream, direction, (status, None, now), losses, out);
        }
    }
}

impl Waiting {
    fn complete(
        self,
        stream: u32,
        request_direction: Direction,
        (status, answered_at, completed_at): (Status, Option<u64>, u64),
        losses: &mut Losses,
        out: &mut Vec<Exchange>,
    ) {
        if !self.proven {
            return losses.add(Loss::Unproven);
        }
        out.push(Exchange {
            request_number: self.number,
            stream_id: Some(stream),
            protocol: self.head.protocol,
            request_direction,
            method: self.head.method,
            authority: self.head.authority,
            host: self.head.host,
            extended_connect: self.head.extended_connect,
            status,
            // The stream's number joins request and response.
            pairing: Pairing::Certain,
            earlier: self.earlier,
            requested_at: self.requested_at,
            answered_at,
            completed_at,
        });
    }
}
