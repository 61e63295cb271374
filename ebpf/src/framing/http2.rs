//! HTTP/2 framing, RFC 9113, sections 3.4 and 4.1.

use super::{FRAMES, Phase, RESYNCHRONISED, Step, Stream, entry};

/// A frame header: length, type, flags and stream.
pub type Header = [u8; 9];

static PREFACE: [u8; 32] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\0\0\0\0\0";
const PREFACE_LENGTH: u8 = 24;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;
/// RFC 7838, section 4.
pub(super) const ALTSVC: u8 = 0xa;
/// RFC 8336, section 2.
pub(super) const ORIGIN: u8 = 0xc;
/// RFC 9218, section 7.1.
pub(super) const PRIORITY_UPDATE: u8 = 0x10;

/// Whether these octets begin the client preface.
#[inline(always)]
pub(super) fn begins_preface(octets: &Header) -> bool {
    // A comparison of slices would be a call of memcmp, which programs do not have.
    octets[0] == PREFACE[0]
        && octets[1] == PREFACE[1]
        && octets[2] == PREFACE[2]
        && octets[3] == PREFACE[3]
        && octets[4] == PREFACE[4]
        && octets[5] == PREFACE[5]
        && octets[6] == PREFACE[6]
        && octets[7] == PREFACE[7]
        && octets[8] == PREFACE[8]
}

/// The length that a frame header tells.
#[inline(always)]
pub(crate) fn length(header: &Header) -> u64 {
    u64::from(header[0]) << 16 | u64::from(header[1]) << 8 | u64::from(header[2])
}

/// Takes a frame header whole, where one begins.
#[inline(always)]
pub fn header(stream: &mut Stream, header: Header) -> Step {
    stream.frame = header;
    end_of_header(stream)
}

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
    let length = length(&stream.frame);
    if stream.flags & RESYNCHRONISED != 0 && !entry::follows(&stream.frame) {
        // What was taken for frames is something else.
        stream.give_up();
        return Step::Broken;
    }
    if stream.flags & FRAMES == 0 {
        // RFC 9113, section 3.4: the first frame of either side is SETTINGS, on stream 0.
        let on_zero = stream.frame[5] | stream.frame[6] | stream.frame[7] | stream.frame[8] == 0;
        if kind != SETTINGS || !on_zero || !length.is_multiple_of(6) {
            stream.give_up();
            return Step::NotHead;
        }
        stream.flags |= FRAMES;
    }
    stream.remaining = length;
    stream.position = 0;
    stream.begun = 0;
    let silent = stream.silent != 0;
    stream.silent = stream.silent.saturating_sub(1);
    let wanted = !silent
        && matches!(
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
