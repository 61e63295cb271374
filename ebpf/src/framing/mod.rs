//! HTTP framing: which bytes of a connection are heads and frames, and which are bodies.
//!
//! The kernel runs this on every byte of a head and on nothing else: bodies are stepped over. It knows just
//! enough of HTTP to find the next head, so that no body is copied and none is mistaken for a head.
//!
//! ```text
//!            first byte is a letter                     LF LF
//!   Start ─────────────────────────▶ Http1 head ──────────────────▶ body by length, chunks or close ─▶ Start
//!     │                                  │ PRI *                 ╲
//!     │ first byte is 0                  ▼                        ╲ 101, CONNECT 2xx
//!     └──────────────▶ frame header ◀─ preface                     ▶ Opaque
//!                        │     ▲
//!                        ▼     │
//!                 payload skipped or copied
//! ```
//! [`Phase::Opaque`] is entered, and never left, by what is not HTTP or breaks its framing. A direction that was
//! entered in the middle goes back to [`Phase::Search`] instead, which [`entry`] ends.

#![expect(
    clippy::inline_always,
    reason = "the verifier follows calls anew for each caller's state; inlined code it prunes"
)]

pub mod entry;
pub mod http1;
pub mod http2;

pub use http1::leap;

use entry::{Entry, Protocol};
use http1::Requests;

/// Where one direction of a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Before a message, or before anything.
    Start = 0,
    /// In the first token of a start line.
    Method = 1,
    /// In the rest of a start line.
    StartLine = 2,
    /// At the first byte of a field line.
    FieldStart = 3,
    /// In a field name that may be one that governs framing.
    FieldName = 4,
    /// In the value of Content-Length.
    LengthValue = 5,
    /// In the value of Transfer-Encoding.
    CodingValue = 6,
    /// In a field that does not matter here.
    FieldRest = 7,
    /// After the CR of the empty line that ends a head.
    HeadCr = 8,
    /// In a body of known length.
    LengthBody = 9,
    /// In a body that ends with the connection.
    CloseBody = 10,
    /// In the size of a chunk.
    ChunkSize = 11,
    /// In the rest of a chunk-size line.
    ChunkExtension = 12,
    /// In a chunk's data.
    ChunkData = 13,
    /// In the line end after a chunk's data.
    ChunkEnd = 14,
    /// At the first byte of a trailer line.
    TrailerStart = 15,
    /// In a trailer line.
    TrailerRest = 16,
    /// In the HTTP/2 client preface.
    Preface = 17,
    /// In an HTTP/2 frame header.
    FrameHeader = 18,
    /// In a frame's payload that is not wanted.
    FrameSkip = 19,
    /// In a frame's payload that is wanted.
    FrameCopy = 20,
    /// Not HTTP, no longer HTTP, or broken.
    Opaque = 21,
    /// Entered in the middle: waiting for a call that begins with a start line or a frame.
    Search = 22,
}

/// [`Stream::flags`]: the message is a response.
pub const RESPONSE: u8 = 1;
/// [`Stream::flags`]: Content-Length was seen.
pub const HAS_LENGTH: u8 = 2;
/// [`Stream::flags`]: the last transfer coding is chunked.
pub const CHUNKED: u8 = 4;
/// [`Stream::flags`]: Transfer-Encoding was seen.
pub const HAS_CODING: u8 = 8;
/// [`Stream::flags`]: this direction was entered in the middle.
pub const RESYNCHRONISED: u8 = 16;
/// [`Stream::flags`]: a digit of the number being read was seen.
pub const HAS_DIGIT: u8 = 32;
/// [`Stream::flags`]: a number may not go on: white space came after its digits.
pub const NUMBER_ENDED: u8 = 64;
/// [`Stream::flags`]: the first frame was seen.
pub const FRAMES: u8 = 128;

/// One direction of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Stream {
    /// Bytes of application data that went before.
    pub offset: u64,
    /// Bytes of the current body, chunk or payload still to come.
    pub remaining: u64,
    /// Content-Length of the current message.
    pub length: u64,
    /// The number being read.
    pub number: u64,
    /// The latest eight significant bytes of the current line.
    pub window: u64,
    /// Records made in this direction, lost ones included.
    pub sequence: u32,
    /// Status code of a response.
    pub status: u16,
    /// A [`Phase`].
    pub phase: u8,
    /// Flags above.
    pub flags: u8,
    /// Number of the first record since the direction was entered in the middle.
    pub entry: u32,
    /// Position in what is being matched.
    pub position: u8,
    /// Which field name is being matched.
    pub field: u8,
    /// The HTTP/2 frame header being collected.
    pub frame: [u8; 9],
    /// Kind of the request whose head is being read.
    pub kind: u8,
    /// 1 once a part of the current head or frame was handed up.
    pub begun: u8,
    /// Frames still to be followed before one is handed up.
    pub silent: u8,
    /// Always 0.
    pub reserved: [u8; 6],
}

const _: () = assert!(size_of::<Stream>() == 72);

/// Both directions of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Framing {
    /// Indexed by [`crate::record::Direction`].
    pub streams: [Stream; 2],
    /// Requests not yet answered, HTTP/1 only.
    pub requests: Requests,
    /// A [`Protocol`].
    pub protocol: u8,
    /// Always 0.
    pub reserved: [u8; 7],
}

/// What to do with the bytes that come next in a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Feed them to [`step`], one by one.
    Step,
    /// Step over this many.
    Skip(u64),
    /// Copy this many: payload of a frame.
    Copy(u64),
    /// Step over all of them: nothing here will ever be read again.
    Ignore,
}

/// What [`step`] found at a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Nothing: feed the next.
    Next,
    /// What follows is a body or payload: ask for the plan again.
    Turn,
    /// The byte is the first of an HTTP/1 head.
    HeadStart,
    /// The byte ends an HTTP/1 head.
    HeadEnd,
    /// The byte ends a frame header; [`Stream::frame`] holds it.
    FrameEnd,
    /// What was taken for the start of a head is something else.
    NotHead,
    /// HTTP's framing was broken: the rest is opaque.
    Broken,
    /// More requests are outstanding than can be kept account of: the rest is opaque.
    Crowded,
}

impl Stream {
    /// A direction of which nothing has passed yet.
    pub const fn at_the_start() -> Self {
        Self {
            phase: Phase::Start as u8,
            ..Self::in_the_middle()
        }
    }

    /// A direction that is entered in the middle.
    pub const fn in_the_middle() -> Self {
        Self {
            offset: 0,
            remaining: 0,
            length: 0,
            number: 0,
            window: 0,
            sequence: 0,
            status: 0,
            phase: Phase::Search as u8,
            flags: 0,
            entry: 0,
            position: 0,
            field: 0,
            frame: [0; 9],
            kind: 0,
            begun: 0,
            silent: 0,
            reserved: [0; 6],
        }
    }

    /// To be called where a call's data begins: the only place where a direction may be entered in the middle.
    /// `protocol` is a [`Protocol`], `length` counts the call's data, and `header_at` reads as many octets of
    /// it as a frame header has.
    #[inline(always)]
    pub fn begin_call(
        &mut self,
        protocol: u8,
        length: u64,
        header_at: impl Fn(u64) -> Option<http2::Header>,
    ) {
        if self.phase != Phase::Search as u8 {
            return;
        }
        let is_http2 = protocol == Protocol::Http2 as u8;
        let entry = if protocol == Protocol::Other as u8 {
            Entry::Refused
        } else {
            entry::find(length, header_at)
        };
        let (phase, flags) = match entry {
            Entry::Preface => (Phase::Preface, RESYNCHRONISED),
            Entry::Chained => (Phase::FrameHeader, RESYNCHRONISED | FRAMES),
            Entry::Filled | Entry::Open if is_http2 => (Phase::FrameHeader, RESYNCHRONISED | FRAMES),
            _ if is_http2 => return,
            _ => (Phase::Start, RESYNCHRONISED),
        };
        self.phase = phase as u8;
        self.flags = flags;
        self.position = 0;
        self.silent = u8::from(entry as u8 == Entry::Open as u8);
        self.entry = self.sequence;
    }

    /// What to do next; HTTP in both directions is over once the connection is a tunnel.
    #[inline(always)]
    pub fn plan(&self, requests: &Requests) -> Plan {
        const LENGTH_BODY: u8 = Phase::LengthBody as u8;
        const CHUNK_DATA: u8 = Phase::ChunkData as u8;
        const FRAME_SKIP: u8 = Phase::FrameSkip as u8;
        const FRAME_COPY: u8 = Phase::FrameCopy as u8;
        const CLOSE_BODY: u8 = Phase::CloseBody as u8;
        if requests.tunnel != 0 {
            return Plan::Ignore;
        }
        match self.phase {
            LENGTH_BODY | CHUNK_DATA | FRAME_SKIP => Plan::Skip(self.remaining),
            FRAME_COPY => Plan::Copy(self.remaining),
            phase if phase == CLOSE_BODY || phase >= Phase::Opaque as u8 => Plan::Ignore,
            _ => Plan::Step,
        }
    }

    /// Whether the direction is inside an HTTP/1 head.
    #[inline(always)]
    pub fn in_head(&self) -> bool {
        self.phase >= Phase::Method as u8 && self.phase <= Phase::HeadCr as u8
    }

    /// Whether an HTTP/2 frame header begins here: it may be fed to [`http2::header`] whole.
    #[inline(always)]
    pub fn at_frame_header(&self) -> bool {
        self.phase == Phase::FrameHeader as u8 && self.position == 0
    }

    /// Takes `count` bytes of a [`Plan::Skip`] or [`Plan::Copy`]; `count` is at most what it said.
    #[inline(always)]
    pub fn pass(&mut self, count: u64) {
        self.remaining = self.remaining.saturating_sub(count);
        if self.remaining == 0 {
            self.phase = match self.phase {
                phase if phase == Phase::ChunkData as u8 => Phase::ChunkEnd as u8,
                phase if phase == Phase::LengthBody as u8 => Phase::Start as u8,
                _ => Phase::FrameHeader as u8,
            };
            self.position = 0;
        }
    }

    /// Whether this much of what comes next, and more, is body or payload that nobody wants.
    #[inline(always)]
    pub fn is_all_body(&self, count: u64) -> bool {
        let skips = self.phase == Phase::LengthBody as u8
            || self.phase == Phase::ChunkData as u8
            || self.phase == Phase::FrameSkip as u8;
        skips && self.remaining > count
    }

    /// Gives up: nothing of this direction is read again. A direction entered in the middle goes on looking.
    #[inline(always)]
    pub fn give_up(&mut self) {
        self.phase = if self.flags & RESYNCHRONISED == 0 {
            Phase::Opaque as u8
        } else {
            Phase::Search as u8
        };
    }
}

/// Feeds one byte to a direction whose plan is [`Plan::Step`].
#[inline(always)]
pub fn step(stream: &mut Stream, requests: &mut Requests, byte: u8) -> Step {
    if stream.phase <= Phase::TrailerRest as u8 {
        http1::step(stream, requests, byte)
    } else {
        http2::step(stream, byte)
    }
}

#[cfg(test)]
mod tests;
