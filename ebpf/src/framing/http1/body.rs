//! What follows a head, RFC 9112, sections 6.3 and 7.1.

use super::{CONNECT, HEAD, MAX_LENGTH, Requests};
use crate::framing::{CHUNKED, HAS_CODING, HAS_LENGTH, Phase, RESPONSE, Step, Stream};

/// RFC 9112, section 6.3: what follows a head.
#[inline(always)]
pub(super) fn end_of_head(stream: &mut Stream, requests: &mut Requests) -> Step {
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
pub(super) fn chunked(stream: &mut Stream, byte: u8) -> Step {
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
pub(super) fn broken(stream: &mut Stream) -> Step {
    stream.give_up();
    Step::Broken
}
