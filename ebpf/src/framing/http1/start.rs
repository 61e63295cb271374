//! Start lines, RFC 9112, sections 2.2, 3 and 4.

use super::{CONNECT, HEAD, ORDINARY, word};
use crate::framing::{Phase, RESPONSE, RESYNCHRONISED, Step, Stream};

/// No registered method is longer; what is longer is not HTTP.
const MAX_METHOD: u8 = 24;

#[inline(always)]
pub(super) fn start(stream: &mut Stream, byte: u8) -> Step {
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
pub(super) fn method(stream: &mut Stream, byte: u8) -> Step {
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
pub(super) fn start_line(stream: &mut Stream, byte: u8) -> Step {
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
