//! HTTP/1 message framing, RFC 9112, sections 2.2, 6 and 7.

mod body;
mod field;
mod leap;
mod start;

pub use leap::leap;

use super::{Phase, Step, Stream};

/// Requests that wait for their response, oldest first: a response's framing depends on its request's method
/// (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Requests {
    /// Two bits each, the oldest lowest.
    kinds: u64,
    /// How many; 0 to 32.
    outstanding: u8,
    /// 1 once the connection no longer speaks HTTP.
    pub tunnel: u8,
    reserved: [u8; 6],
}

const ORDINARY: u8 = 0;
const HEAD: u8 = 1;
const CONNECT: u8 = 2;

/// Pipelined requests that are kept account of.
pub const MAX_OUTSTANDING: u8 = 32;
/// Larger lengths are refused: 2^53, far above any real body and far from overflow.
const MAX_LENGTH: u64 = 1 << 53;

impl Requests {
    /// No request is outstanding.
    pub const fn none() -> Self {
        Self {
            kinds: 0,
            outstanding: 0,
            tunnel: 0,
            reserved: [0; 6],
        }
    }

    #[inline(always)]
    fn push(&mut self, kind: u8) -> bool {
        if self.outstanding >= MAX_OUTSTANDING {
            return false;
        }
        self.kinds |= u64::from(kind) << ((self.outstanding & 31) * 2);
        self.outstanding += 1;
        true
    }

    /// The oldest request's kind. A response to a request that was not seen counts as ordinary.
    #[inline(always)]
    fn pop(&mut self) -> u8 {
        let kind = (self.kinds & 3) as u8;
        self.kinds >>= 2;
        self.outstanding = self.outstanding.saturating_sub(1);
        kind
    }
}

const fn word(text: &[u8]) -> u64 {
    let mut word = 0;
    let mut index = 0;
    while index < text.len() {
        word = word << 8 | text[index] as u64;
        index += 1;
    }
    word
}

/// Feeds one byte.
#[inline(always)]
pub(super) fn step(stream: &mut Stream, requests: &mut Requests, byte: u8) -> Step {
    // The commonest phases first: most bytes of a head are field values.
    match stream.phase {
        phase if phase == Phase::FieldRest as u8 => field::field_rest(stream, byte),
        phase if phase == Phase::FieldStart as u8 => field::field_start(stream, requests, byte),
        phase if phase == Phase::StartLine as u8 => start::start_line(stream, byte),
        phase if phase == Phase::FieldName as u8 => field::field_name(stream, byte),
        phase if phase == Phase::Method as u8 => start::method(stream, byte),
        phase if phase == Phase::Start as u8 => start::start(stream, byte),
        phase if phase == Phase::HeadCr as u8 => {
            if byte == b'\n' {
                body::end_of_head(stream, requests)
            } else {
                body::broken(stream)
            }
        }
        phase if phase == Phase::LengthValue as u8 => field::length_value(stream, byte),
        phase if phase == Phase::CodingValue as u8 => field::coding_value(stream, byte),
        _ => body::chunked(stream, byte),
    }
}
