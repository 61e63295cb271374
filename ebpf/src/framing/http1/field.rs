//! The fields that govern where a message ends, RFC 9112, sections 5 and 6.

use super::body::{broken, end_of_head};
use super::{MAX_LENGTH, Requests, word};
use crate::framing::{CHUNKED, HAS_CODING, HAS_DIGIT, HAS_LENGTH, NUMBER_ENDED, Phase, Step, Stream};

/// Field names that govern framing.
pub(super) const LENGTH_FIELD: u8 = 1;
pub(super) const CODING_FIELD: u8 = 2;
static LENGTH_NAME: [u8; 16] = *b"content-length:\0";
static CODING_NAME: [u8; 32] = *b"transfer-encoding:\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

#[inline(always)]
pub(super) fn field_start(stream: &mut Stream, requests: &mut Requests, byte: u8) -> Step {
    match byte {
        b'\r' => stream.phase = Phase::HeadCr as u8,
        // RFC 9112, section 2.2: a bare LF may end a line.
        b'\n' => return end_of_head(stream, requests),
        b'c' | b'C' => {
            stream.field = LENGTH_FIELD;
            stream.position = 1;
            stream.phase = Phase::FieldName as u8;
        }
        b't' | b'T' => {
            stream.field = CODING_FIELD;
            stream.position = 1;
            stream.phase = Phase::FieldName as u8;
        }
        _ => stream.phase = Phase::FieldRest as u8,
    }
    Step::Next
}

#[inline(always)]
pub(super) fn field_rest(stream: &mut Stream, byte: u8) -> Step {
    if byte == b'\n' {
        stream.phase = Phase::FieldStart as u8;
    }
    Step::Next
}

#[inline(always)]
pub(super) fn field_name(stream: &mut Stream, byte: u8) -> Step {
    let position = usize::from(stream.position);
    let expected = if stream.field == LENGTH_FIELD {
        LENGTH_NAME[position & 15]
    } else {
        CODING_NAME[position & 31]
    };
    if byte.to_ascii_lowercase() != expected {
        stream.phase = Phase::FieldRest as u8;
        return field_rest(stream, byte);
    }
    stream.position += 1;
    if byte == b':' {
        begin_value(stream);
    }
    Step::Next
}

/// The value of the field whose name was just matched comes next.
#[inline(always)]
pub(super) fn begin_value(stream: &mut Stream) {
    stream.window = 0;
    stream.number = 0;
    stream.flags &= !(HAS_DIGIT | NUMBER_ENDED);
    stream.phase = if stream.field == LENGTH_FIELD {
        Phase::LengthValue as u8
    } else {
        Phase::CodingValue as u8
    };
}

/// Content-Length = 1*DIGIT (RFC 9110, section 8.6). Anything else, or two that differ, is an attack or a
/// fault, and where the body ends is not known.
#[inline(always)]
pub(super) fn length_value(stream: &mut Stream, byte: u8) -> Step {
    match byte {
        b'0'..=b'9' if stream.flags & NUMBER_ENDED == 0 && stream.number < MAX_LENGTH / 10 => {
            stream.number = stream.number * 10 + u64::from(byte - b'0');
            stream.flags |= HAS_DIGIT;
        }
        b' ' | b'\t' | b'\r' => {
            if stream.flags & HAS_DIGIT != 0 {
                stream.flags |= NUMBER_ENDED;
            }
        }
        b'\n' => {
            let differs = stream.flags & HAS_LENGTH != 0 && stream.length != stream.number;
            if stream.flags & HAS_DIGIT == 0 || differs {
                return broken(stream);
            }
            stream.length = stream.number;
            stream.flags |= HAS_LENGTH;
            stream.phase = Phase::FieldStart as u8;
        }
        _ => return broken(stream),
    }
    Step::Next
}

/// Only the last coding matters, and only whether it is chunked (RFC 9112, section 6.3).
#[inline(always)]
pub(super) fn coding_value(stream: &mut Stream, byte: u8) -> Step {
    match byte {
        b' ' | b'\t' | b'\r' => {}
        b'\n' => {
            let before = (stream.window >> 56) as u8;
            let chunked = stream.window << 8 >> 8 == word(b"chunked") && (before == 0 || before == b',');
            stream.flags = if chunked {
                stream.flags | CHUNKED
            } else {
                stream.flags & !CHUNKED
            };
            stream.flags |= HAS_CODING;
            stream.phase = Phase::FieldStart as u8;
        }
        _ => stream.window = stream.window << 8 | u64::from(byte.to_ascii_lowercase()),
    }
    Step::Next
}
