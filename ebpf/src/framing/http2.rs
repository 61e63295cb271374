//! HTTP/2 framing, RFC 9113, sections 3.4 and 4.1.

use super::{FRAMES, Phase, Step, Stream};

static PREFACE: [u8; 32] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\0\0\0\0\0";
const PREFACE_LENGTH: u8 = 24;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

/// Feeds one byte of the client preface or of a frame header.
#[inline(always)]
pub(super) fn step(stream: &mut Stream, byte: u8) -> Step {
    if stream.phase == Phase::Preface as u8 {
        return preface(stream, byte);
    }
    // The position never passes 8 here; the bound is what the verifier asks for.
    let position = usize::from(stream.position & 15);
    if position < 9 {
        stream.frame[position] = byte;
    }
    stream.position += 1;
    if stream.position < 9 {
        Step::Next
    } else {
        end_of_header(stream)
    }
}

#[inline(always)]
fn preface(stream: &mut Stream, byte: u8) -> Step {
    if byte != PREFACE[usize::from(stream.position & 31)] {
        stream.give_up();
        return Step::Broken;
    }
    stream.position += 1;
    if stream.position == PREFACE_LENGTH {
        stream.phase = Phase::FrameHeader as u8;
        stream.position = 0;
    }
    Step::Next
}

#[inline(always)]
fn end_of_header(stream: &mut Stream) -> Step {
    let kind = stream.frame[3];
    let length =
        u64::from(stream.frame[0]) << 16 | u64::from(stream.frame[1]) << 8 | u64::from(stream.frame[2]);
    if stream.flags & FRAMES == 0 {
        // RFC 9113, section 3.4: the first frame of either side is SETTINGS, on stream 0.
        let on_zero = stream.frame[5] | stream.frame[6] | stream.frame[7] | stream.frame[8] == 0;
        if kind != SETTINGS || !on_zero || length % 6 != 0 {
            stream.give_up();
            return Step::NotHead;
        }
        stream.flags |= FRAMES;
    }
    stream.remaining = length;
    stream.position = 0;
    stream.begun = 0;
    let wanted = matches!(
        kind,
        HEADERS | RST_STREAM | SETTINGS | PUSH_PROMISE | GOAWAY | CONTINUATION
    );
    stream.phase = match (wanted, length) {
        (true, _) => Phase::FrameCopy as u8,
        (false, 0) => Phase::FrameHeader as u8,
        (false, _) => Phase::FrameSkip as u8,
    };
    if wanted { Step::FrameEnd } else { Step::Turn }
}
