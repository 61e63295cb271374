//! HTTP/1 message framing, RFC 9112, sections 2.2, 6 and 7.

use super::{
    CHUNKED, HAS_CODING, HAS_DIGIT, HAS_LENGTH, NUMBER_ENDED, Phase, RESPONSE, RESYNCHRONISED, Step, Stream,
};

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
/// No registered method is longer; what is longer is not HTTP.
const MAX_METHOD: u8 = 24;
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

/// Field names that govern framing.
const LENGTH_FIELD: u8 = 1;
const CODING_FIELD: u8 = 2;
static LENGTH_NAME: [u8; 16] = *b"content-length:\0";
static CODING_NAME: [u8; 32] = *b"transfer-encoding:\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

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
        phase if phase == Phase::FieldRest as u8 => field_rest(stream, byte),
        phase if phase == Phase::FieldStart as u8 => field_start(stream, requests, byte),
        phase if phase == Phase::StartLine as u8 => start_line(stream, byte),
        phase if phase == Phase::FieldName as u8 => field_name(stream, byte),
        phase if phase == Phase::Method as u8 => method(stream, byte),
        phase if phase == Phase::Start as u8 => start(stream, byte),
        phase if phase == Phase::HeadCr as u8 => {
            if byte == b'\n' {
                end_of_head(stream, requests)
            } else {
                broken(stream)
            }
        }
        phase if phase == Phase::LengthValue as u8 => length_value(stream, byte),
        phase if phase == Phase::CodingValue as u8 => coding_value(stream, byte),
        _ => chunked_body(stream, byte),
    }
}

#[inline(always)]
fn start(stream: &mut Stream, byte: u8) -> Step {
    if byte == b'\r' || byte == b'\n' {
        // RFC 9112, section 2.2: an empty line before a request is ignored.
        return Step::Next;
    }
    if byte.is_ascii_alphabetic() {
        stream.phase = Phase::Method as u8;
        stream.flags &= RESYNCHRONISED;
        stream.window = u64::from(byte);
        stream.position = 1;
        stream.length = 0;
        stream.status = 0;
        stream.begun = 0;
        return Step::HeadStart;
    }
    if byte == 0 && stream.offset == 0 && stream.flags & RESYNCHRONISED == 0 {
        // A server's side of HTTP/2 begins with a SETTINGS frame, whose length starts with 0.
        stream.phase = Phase::FrameHeader as u8;
        stream.frame[0] = 0;
        stream.position = 1;
        return Step::Next;
    }
    stream.give_up();
    Step::NotHead
}

#[inline(always)]
fn method(stream: &mut Stream, byte: u8) -> Step {
    if byte == b' ' {
        if stream.window == word(b"PRI") && stream.flags & RESYNCHRONISED == 0 {
            stream.phase = Phase::Preface as u8;
            stream.position = 4;
            return Step::NotHead;
        }
        stream.kind = match stream.window {
            window if window == word(b"HEAD") => HEAD,
            window if window == word(b"CONNECT") => CONNECT,
            _ => ORDINARY,
        };
        stream.phase = Phase::StartLine as u8;
        stream.window = 0;
        return Step::Next;
    }
    if byte == b'/' && stream.window == word(b"HTTP") {
        stream.flags |= RESPONSE;
        stream.phase = Phase::StartLine as u8;
        stream.position = 5;
        return Step::Next;
    }
    if (byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') && stream.position < MAX_METHOD {
        stream.position += 1;
        stream.window = stream.window << 8 | u64::from(byte);
        return Step::Next;
    }
    stream.give_up();
    Step::NotHead
}

/// The rest of a request line, or `HTTP/` and what follows it in a status line.
#[inline(always)]
fn start_line(stream: &mut Stream, byte: u8) -> Step {
    if stream.flags & RESPONSE != 0 {
        return status_line(stream, byte);
    }
    if byte == b'\n' {
        if stream.window >> 8 != word(b"HTTP/1.") {
            stream.give_up();
            return Step::NotHead;
        }
        stream.phase = Phase::FieldStart as u8;
    } else if byte != b'\r' {
        stream.window = stream.window << 8 | u64::from(byte);
    }
    Step::Next
}

#[inline(always)]
fn status_line(stream: &mut Stream, byte: u8) -> Step {
    // "1.1 200": positions 5 to 11 of the line.
    let expected = match stream.position {
        5 => byte == b'1',
        6 => byte == b'.',
        7 | 9 | 10 | 11 => byte.is_ascii_digit(),
        8 => byte == b' ',
        12 => byte == b' ' || byte == b'\r' || byte == b'\n',
        _ => true,
    };
    if !expected {
        stream.give_up();
        return Step::NotHead;
    }
    if stream.position >= 9 && stream.position <= 11 {
        stream.status = stream.status * 10 + u16::from(byte - b'0');
    }
    if stream.position < 13 {
        stream.position += 1;
    }
    if byte == b'\n' {
        stream.phase = Phase::FieldStart as u8;
    }
    Step::Next
}

#[inline(always)]
fn field_start(stream: &mut Stream, requests: &mut Requests, byte: u8) -> Step {
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
fn field_rest(stream: &mut Stream, byte: u8) -> Step {
    if byte == b'\n' {
        stream.phase = Phase::FieldStart as u8;
    }
    Step::Next
}

#[inline(always)]
fn field_name(stream: &mut Stream, byte: u8) -> Step {
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
        stream.window = 0;
        stream.number = 0;
        stream.flags &= !(HAS_DIGIT | NUMBER_ENDED);
        stream.phase = if stream.field == LENGTH_FIELD {
            Phase::LengthValue as u8
        } else {
            Phase::CodingValue as u8
        };
    }
    Step::Next
}

/// Content-Length = 1*DIGIT (RFC 9110, section 8.6). Anything else, or two that differ, is an attack or a
/// fault, and where the body ends is not known.
#[inline(always)]
fn length_value(stream: &mut Stream, byte: u8) -> Step {
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
fn coding_value(stream: &mut Stream, byte: u8) -> Step {
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

/// RFC 9112, section 6.3: what follows a head.
#[inline(always)]
fn end_of_head(stream: &mut Stream, requests: &mut Requests) -> Step {
    stream.position = 0;
    stream.number = 0;
    stream.remaining = stream.length;
    let by_length = stream.flags & HAS_LENGTH != 0 && stream.length > 0;
    if stream.flags & RESPONSE == 0 {
        if !requests.push(stream.kind) {
            stream.give_up();
            return Step::Crowded;
        }
        stream.phase = match () {
            () if stream.flags & CHUNKED != 0 => Phase::ChunkSize as u8,
            // A request with a coding that is not chunked has no end that could be known.
            () if stream.flags & HAS_CODING != 0 => Phase::CloseBody as u8,
            () if by_length => Phase::LengthBody as u8,
            () => Phase::Start as u8,
        };
        return Step::HeadEnd;
    }
    if stream.status < 200 {
        if stream.status == 101 {
            requests.tunnel = 1;
        }
        stream.phase = Phase::Start as u8;
        return Step::HeadEnd;
    }
    let kind = requests.pop();
    if kind == CONNECT && stream.status < 300 {
        requests.tunnel = 1;
    }
    stream.phase = match () {
        () if kind == HEAD || stream.status == 204 || stream.status == 304 => Phase::Start as u8,
        () if stream.flags & CHUNKED != 0 => Phase::ChunkSize as u8,
        () if stream.flags & HAS_CODING != 0 => Phase::CloseBody as u8,
        () if by_length => Phase::LengthBody as u8,
        () if stream.flags & HAS_LENGTH != 0 => Phase::Start as u8,
        () => Phase::CloseBody as u8,
    };
    Step::HeadEnd
}

/// RFC 9112, section 7.1: chunk sizes and extensions, line ends, trailers.
#[inline(always)]
fn chunked_body(stream: &mut Stream, byte: u8) -> Step {
    match stream.phase {
        phase if phase == Phase::ChunkSize as u8 => {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                b'\n' => return end_of_chunk_size(stream),
                b';' | b' ' | b'\t' | b'\r' => {
                    stream.phase = Phase::ChunkExtension as u8;
                    return Step::Next;
                }
                _ => return broken(stream),
            };
            if stream.number >= MAX_LENGTH >> 4 {
                return broken(stream);
            }
            stream.number = stream.number << 4 | u64::from(digit);
            stream.position = 1;
        }
        phase if phase == Phase::ChunkExtension as u8 => {
            if byte == b'\n' {
                return end_of_chunk_size(stream);
            }
        }
        phase if phase == Phase::ChunkEnd as u8 => match byte {
            b'\r' => {}
            b'\n' => {
                stream.phase = Phase::ChunkSize as u8;
                stream.position = 0;
                stream.number = 0;
            }
            _ => return broken(stream),
        },
        phase if phase == Phase::TrailerStart as u8 => match byte {
            b'\r' => {}
            b'\n' => stream.phase = Phase::Start as u8,
            _ => stream.phase = Phase::TrailerRest as u8,
        },
        _ => {
            if byte == b'\n' {
                stream.phase = Phase::TrailerStart as u8;
            }
        }
    }
    Step::Next
}

/// `position` is 1 once a digit was seen.
#[inline(always)]
fn end_of_chunk_size(stream: &mut Stream) -> Step {
    if stream.position == 0 {
        return broken(stream);
    }
    stream.remaining = stream.number;
    if stream.number == 0 {
        stream.phase = Phase::TrailerStart as u8;
        return Step::Next;
    }
    stream.phase = Phase::ChunkData as u8;
    Step::Turn
}

#[inline(always)]
fn broken(stream: &mut Stream) -> Step {
    stream.give_up();
    Step::Broken
}
