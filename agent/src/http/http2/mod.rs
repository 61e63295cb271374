//! HTTP/2: RFC 9113.

mod block;
mod frame;
mod head;
mod proof;
mod streams;

use ebpf::record::Direction;

use self::block::{Block, Opener};
use self::frame::{Carries, Frame};
use self::head::{Head, Nature, ResponseStatus};
use self::proof::Proof;
use self::streams::Streams;
use super::assembly::Unit;
use super::direction::{PerDirection, opposite};
use super::exchange::{Exchange, Protocol, RequestHead};
use super::hpack::Decoder;
use super::loss::{Loss, Losses};

/// The state of a connection that speaks HTTP/2.
pub(super) struct Http2 {
    request_direction: Option<Direction>,
    decoders: PerDirection<Decoder>,
    /// The header block of each direction that waits for a CONTINUATION.
    blocks: PerDirection<Option<Block<'static>>>,
    /// Whether heads of a direction were missed.
    missed: PerDirection<bool>,
    streams: Streams,
    proof: Proof,
}

/// What came of a header block: its fields, or `None` if it could not be read.
struct Decoded {
    stream: u32,
    began: u64,
    ended: u64,
    head: Option<Head>,
}

impl Http2 {
    /// A connection of which nothing was seen yet.
    pub(super) fn new(from_start: bool, early_gaps: PerDirection<bool>) -> Self {
        let mut http2 = Self {
            request_direction: None,
            decoders: PerDirection::from_fn(Decoder::new),
            blocks: PerDirection::default(),
            missed: PerDirection::default(),
            streams: Streams::new(from_start),
            proof: Proof::new(from_start),
        };
        for direction in [Direction::Read, Direction::Write] {
            if !from_start || early_gaps[direction] {
                http2.missed(direction);
            }
        }
        http2
    }

    /// Which way requests go, once that is known.
    pub(super) const fn request_direction(&self) -> Option<Direction> {
        self.request_direction
    }

    /// Frames of this direction were lost.
    pub(super) fn gap(&mut self, direction: Direction, losses: &mut Losses) {
        self.abandon_block(direction, losses);
        self.missed(direction);
        self.proof.missed();
    }

    /// What was taken for frames is something else, or may be: nothing of it is believed.
    pub(super) fn misjudged(&mut self, losses: &mut Losses) {
        if !self.proof.is_needed() {
            return;
        }
        losses.add(Loss::Misjudged);
        self.proof = Proof::Entered;
        self.request_direction = None;
        self.blocks = PerDirection::default();
        self.decoders.iter_mut().for_each(Decoder::forget);
        self.streams.forget(losses);
    }

    /// A request that came since the connection was entered was answered.
    fn answered(&mut self, request_direction: Direction) {
        if self.proof == Proof::Entered {
            self.proof = Proof::Answered;
            self.disbelieve(request_direction);
            self.streams.believe();
        }
    }

    /// A request came, after the first answer.
    fn asked(&mut self, request_direction: Direction) {
        if self.proof == Proof::Answered {
            self.proof = Proof::Proven { whole: true };
            self.disbelieve(opposite(request_direction));
        }
    }

    /// What came in this direction so far may have been something else than frames.
    fn disbelieve(&mut self, direction: Direction) {
        self.blocks[direction] = None;
        self.decoders[direction].forget();
    }

    /// Takes the next frame of a direction.
    pub(super) fn frame(
        &mut self,
        direction: Direction,
        unit: &Unit<'_>,
        losses: &mut Losses,
        out: &mut Vec<Exchange>,
    ) {
        let frame = if unit.whole {
            frame::parse(&unit.bytes)
        } else {
            None
        };
        let Some(frame) = frame else {
            if unit.whole {
                losses.add(Loss::MalformedFrame);
                self.misjudged(losses);
            }
            self.unreadable_frame(direction, unit, losses);
            return;
        };
        if !matches!(frame, Frame::Continuation { .. }) {
            // Nothing may come between the frames of a block: section 4.3.
            self.abandon_block(direction, losses);
        }
        match frame {
            Frame::Headers {
                stream,
                fragment,
                last,
            } => {
                let block = Block::new(Opener::Headers, stream, fragment, unit.began);
                self.block(direction, block, last, unit.ended, losses, out);
            }
            Frame::PushPromise {
                stream,
                fragment,
                last,
            } => {
                // Only servers promise: section 8.4.
                if self.proof.is_needed() && self.request_direction == Some(direction) {
                    return self.misjudged(losses);
                }
                self.learn(opposite(direction));
                let block = Block::new(Opener::PushPromise, stream, fragment, unit.began);
                self.block(direction, block, last, unit.ended, losses, out);
            }
            Frame::Continuation {
                stream,
                fragment,
                last,
            } => {
                self.continuation(direction, (stream, fragment, last), unit.ended, losses, out);
            }
            Frame::Reset { stream } => {
                if let Some(request_direction) = self.request_direction {
                    self.streams
                        .end(stream, request_direction, unit.ended, losses, out);
                }
            }
            Frame::Settings { header_table_size } => {
                self.decoders[opposite(direction)].announce_limit(header_table_size);
            }
            Frame::SettingsAcknowledged => self.decoders[direction].acknowledge_limit(),
            Frame::GoAway { last_stream } => {
                if self.request_direction == Some(opposite(direction)) {
                    self.streams.go_away(last_stream);
                }
            }
            Frame::Other => {}
        }
    }

    /// The connection ended.
    pub(super) fn close(&mut self, time: u64, losses: &mut Losses, out: &mut Vec<Exchange>) {
        self.abandon_block(Direction::Read, losses);
        self.abandon_block(Direction::Write, losses);
        if self.proof.is_needed() {
            // They may have passed where the direction was not read.
            self.streams.responses_missed();
        }
        if let Some(request_direction) = self.request_direction {
            self.streams.close(request_direction, time, losses, out);
        }
    }

    fn missed(&mut self, direction: Direction) {
        self.missed[direction] = true;
        self.decoders[direction].forget();
        // SETTINGS of this direction limit the other's encoder, acknowledgements this one's.
        self.decoders.iter_mut().for_each(Decoder::forget_limit);
        if self.request_direction != Some(direction) {
            self.streams.responses_missed();
        }
    }

    /// Takes note that requests go this way, unless it is known already.
    fn learn(&mut self, request_direction: Direction) {
        self.request_direction.get_or_insert(request_direction);
    }

    /// A frame that is broken or cut off. Of those that carry no header block nothing more is lost.
    fn unreadable_frame(&mut self, direction: Direction, unit: &Unit<'_>, losses: &mut Losses) {
        let carries = frame::carries(&unit.bytes);
        if carries != Some(Carries::Part) {
            self.abandon_block(direction, losses);
        }
        match carries {
            Some(Carries::Nothing) => {}
            Some(Carries::Head { stream }) => {
                self.blocks[direction] = Some(Block::new(Opener::Headers, stream, &[], unit.began));
                self.abandon_block(direction, losses);
            }
            Some(Carries::Part) => {
                self.abandon_block(direction, losses);
                self.decoders[direction].forget();
            }
            None => self.missed(direction),
        }
    }

    fn continuation(
        &mut self,
        direction: Direction,
        (stream, fragment, last): (u32, &[u8], bool),
        ended: u64,
        losses: &mut Losses,
        out: &mut Vec<Exchange>,
    ) {
        match self.blocks[direction].take() {
            Some(mut block) if block.stream == stream => {
                block.extend(fragment);
                self.block(direction, block, last, ended, losses, out);
            }
            broken => {
                losses.add(Loss::Orphan);
                self.blocks[direction] = broken;
                self.abandon_block(direction, losses);
                // Whatever it continued may have inserted entries.
                self.decoders[direction].forget();
            }
        }
    }

    /// Gives up a block that will not be completed. Its fields are lost, but not that it was there.
    fn abandon_block(&mut self, direction: Direction, losses: &mut Losses) {
        let Some(block) = self.blocks[direction].take() else {
            return;
        };
        losses.add(Loss::Truncated);
        self.decoders[direction].forget();
        if block.opener == Opener::PushPromise {
            return;
        }
        if self.request_direction.is_none() && self.is_first_head() {
            self.learn(direction);
        }
        if self.request_direction == Some(direction) {
            let lost = Decoded {
                stream: block.stream,
                began: block.began,
                ended: block.began,
                head: None,
            };
            self.request(lost, losses);
            // It may have been answered while the rest of its block was awaited in vain.
            self.streams.response_missed(block.stream);
        } else {
            self.streams.response_missed(block.stream);
        }
    }

    /// Takes a block that its latest frame may have completed.
    fn block(
        &mut self,
        direction: Direction,
        block: Block<'_>,
        last: bool,
        ended: u64,
        losses: &mut Losses,
        out: &mut Vec<Exchange>,
    ) {
        if !last {
            self.blocks[direction] = Some(block.into_owned());
            return;
        }
        let head = self.decode(direction, &block, losses);
        if block.opener == Opener::PushPromise {
            return;
        }
        if self.request_direction.is_none() {
            match head.as_ref().map_or(Nature::Unclear, Head::nature) {
                Nature::Request => self.learn(direction),
                Nature::Response => self.learn(opposite(direction)),
                Nature::Trailers | Nature::Unclear if self.is_first_head() => self.learn(direction),
                Nature::Trailers | Nature::Unclear => return losses.add(Loss::UnknownField),
            }
        }
        let decoded = Decoded {
            stream: block.stream,
            began: block.began,
            ended,
            head,
        };
        if self.request_direction == Some(direction) {
            self.request(decoded, losses);
            self.streams.limit(direction, ended, losses, out);
        } else {
            self.response(decoded, opposite(direction), losses, out);
        }
    }

    fn decode(&mut self, direction: Direction, block: &Block<'_>, losses: &mut Losses) -> Option<Head> {
        let mut head = Head::default();
        if block.cut_off {
            losses.add(Loss::TooLong);
            self.decoders[direction].forget();
            return None;
        }
        let decoded = self.decoders[direction].decode(&block.bytes, |name, value| head.field(name, value));
        if decoded.is_err() {
            losses.add(Loss::MalformedBlock);
            self.misjudged(losses);
        }
        decoded.is_ok().then_some(head)
    }

    /// Whether the next head can only be the client's: nothing was missed, and the server has nothing to answer.
    fn is_first_head(&self) -> bool {
        !self.missed[Direction::Read] && !self.missed[Direction::Write]
    }

    /// A header block in the direction of requests.
    fn request(
        &mut self,
        Decoded {
            stream, began, head, ..
        }: Decoded,
        losses: &mut Losses,
    ) {
        let Some(direction) = self.request_direction else {
            return;
        };
        let complete = !self.missed[direction];
        if stream % 2 == 0 {
            // Even numbers are the server's: section 5.1.1.
            losses.add(Loss::MalformedFrame);
            return self.misjudged(losses);
        }
        let nature = head.as_ref().map_or(Nature::Unclear, Head::nature);
        if !self.streams.is_new(stream) {
            if nature == Nature::Request {
                self.misjudged(losses);
            }
            return;
        }
        let proven = self.proof.is_given();
        if nature == Nature::Request {
            self.asked(direction);
        }
        match (nature, head) {
            (Nature::Response, _) => {
                losses.add(Loss::MalformedHead);
                self.misjudged(losses);
            }
            // Of a stream whose request was missed.
            (Nature::Trailers, _) if !complete => {}
            // It may be trailers as well.
            (Nature::Unclear, _) if !complete => losses.add(Loss::UnknownField),
            (_, Some(head)) => {
                self.streams
                    .open(stream, head.request(losses), began, complete, proven);
            }
            (_, None) => {
                let head = RequestHead::unknown(Protocol::H2);
                self.streams.open(stream, head, began, complete, proven);
            }
        }
    }

    /// A header block in the direction of responses.
    fn response(
        &mut self,
        Decoded {
            stream,
            began,
            ended,
            head,
        }: Decoded,
        request_direction: Direction,
        losses: &mut Losses,
        out: &mut Vec<Exchange>,
    ) {
        let nature = head.as_ref().map_or(Nature::Unclear, Head::nature);
        if self.proof.is_needed() && nature == Nature::Request {
            return self.misjudged(losses);
        }
        let under_way = self.blocks[request_direction]
            .as_ref()
            .is_some_and(|block| block.stream == stream);
        if under_way && self.streams.is_new(stream) {
            // Nobody answers half a head: the other half passed unseen.
            self.abandon_block(request_direction, losses);
        }
        if !self.streams.is_waiting(stream) {
            // Trailers, or what the client no longer waits for; but if its request was never seen, a loss.
            let unseen = self.missed[request_direction] || self.streams.is_new(stream);
            if nature == Nature::Response && stream % 2 == 1 && unseen {
                losses.add(Loss::StrayResponse);
                if self.proof.has_every_request() && self.streams.is_new(stream) {
                    self.misjudged(losses);
                }
            }
            return;
        }
        if head.is_some() && matches!(nature, Nature::Response | Nature::Unclear) {
            self.answered(request_direction);
        }
        let status = match (nature, &head) {
            (Nature::Response, Some(head)) => match head.status(losses) {
                ResponseStatus::Interim => return,
                ResponseStatus::Final(status) => Some(status),
                ResponseStatus::Unknown => None,
            },
            (Nature::Trailers | Nature::Request, _) if !self.streams.is_response_missed(stream) => {
                losses.add(Loss::MalformedHead);
                None
            }
            // Trailers of a response that was missed, or a head whose status was: no other will come.
            _ => None,
        };
        if status.is_none() && nature == Nature::Unclear && head.is_some() {
            losses.add(Loss::UnknownField);
        }
        self.streams
            .answer(stream, request_direction, status, (began, ended), losses, out);
    }
}
