//! Where a direction may be entered in the middle of its HTTP/2 frames.
//!
//! A call's data begins anywhere in a direction, in the middle of a frame as well. That a frame begins there is
//! told by nine octets, of which uniformly random ones pass with a probability of 2^-22.4. Nearly all of that are
//! HEADERS: 2^-8 that this is the type, 2^-4 that only its four flags are set, 2^-10 that the length is at most
//! 2^14, 2^-1 for the reserved bit; DATA and `PUSH_PROMISE` add 2^-25 each, for they have two flags. Text never
//! passes: a letter is a length above 2^20. One header alone is not enough to hand anything up:
//!
//! - Where the frame ends before the call's data does, another header must follow: 2^-44.6 for both.
//! - Where it fills the data exactly, its length is one of 2^24 instead of one of 2^10: 2^-36.4.
//! - Otherwise it is followed in silence until the next header, which may then be that of a longer DATA frame
//!   and pass with 2^-19: 2^-41.3.
//!
//! All of this is per call that is looked at. Octets that are not random, such as frames that a body contains, can
//! pass; who reads what is handed up has to ask for more.

use super::http2::{
    self, ALTSVC, CONTINUATION, DATA, GOAWAY, HEADERS, Header, ORIGIN, PING, PRIORITY, PRIORITY_UPDATE,
    PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
};
use crate::record::{ALPN, AlpnState};

/// What a connection speaks, as ALPN chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Protocol {
    /// Not known.
    Unknown = 0,
    /// HTTP/2.
    Http2 = 1,
    /// Anything else.
    Other = 2,
}

impl Protocol {
    /// What ALPN chose; `state` is an [`AlpnState`], and `length` octets of `name` hold something. Without ALPN nobody
    /// speaks HTTP/2 over TLS: RFC 9113, section 3.2.
    #[inline(always)]
    pub fn chosen(state: u8, name: &[u8; ALPN], length: u8) -> Self {
        if state == AlpnState::Unknown as u8 {
            return Self::Unknown;
        }
        if state == AlpnState::Chosen as u8 && length == 2 && name[0] == b'h' && name[1] == b'2' {
            Self::Http2
        } else {
            Self::Other
        }
    }
}

/// What a call's data begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Entry {
    /// No frame.
    Refused,
    /// The client preface.
    Preface,
    /// A frame, and behind it another.
    Chained,
    /// A frame that fills the data exactly.
    Filled,
    /// A frame that ends elsewhere, or at a place where too few octets follow to tell.
    Open,
}

const HEADER: u64 = size_of::<Header>() as u64;

/// `SETTINGS_MAX_FRAME_SIZE` unless the peer allows more: RFC 9113, section 6.5.2.
const ORDINARY: u64 = 1 << 14;
/// The longest DATA frame that is followed. Peers that allow more are rare, and what is mistaken for a longer one
/// would blind for too long.
const LONGEST_DATA: u64 = 1 << 20;

/// Looks at a call's data. `length` and `header_at` as in [`super::Stream::begin_call`].
#[inline(always)]
pub fn find(length: u64, header_at: impl Fn(u64) -> Option<Header>) -> Entry {
    if length < HEADER {
        return Entry::Refused;
    }
    let Some(first) = header_at(0) else {
        return Entry::Refused;
    };
    if http2::begins_preface(&first) {
        return Entry::Preface;
    }
    // A block whose beginning was not seen cannot be read.
    if first[3] == CONTINUATION || !is_plausible(&first, ORDINARY) {
        return Entry::Refused;
    }
    let end = HEADER + http2::length(&first);
    if end == length {
        return Entry::Filled;
    }
    if end + HEADER > length {
        return Entry::Open;
    }
    match header_at(end) {
        Some(second) if is_plausible(&second, ORDINARY) => Entry::Chained,
        _ => Entry::Refused,
    }
}

/// Whether a frame with this header may follow another.
#[inline(always)]
pub(super) fn follows(header: &Header) -> bool {
    is_plausible(header, LONGEST_DATA)
}

/// Whether this is the header of a frame as RFC 9113, section 6 and the extensions in use define them: its type,
/// none but its type's flags, a length that the type allows, and a stream where it needs one.
#[inline(always)]
fn is_plausible(header: &Header, longest_data: u64) -> bool {
    let (kind, flags, length) = (header[3], header[4], http2::length(header));
    if header[5] & 0x80 != 0 {
        return false;
    }
    let on_zero = header[5] | header[6] | header[7] | header[8] == 0;
    let (allowed_flags, shortest, longest, may_be_zero, may_be_other) = match kind {
        DATA => (0x09, 0, longest_data, false, true),
        HEADERS => (0x2d, 1, ORDINARY, false, true),
        PRIORITY => (0, 5, 5, false, true),
        RST_STREAM => (0, 4, 4, false, true),
        SETTINGS => (0x01, 0, ORDINARY, true, false),
        PUSH_PROMISE => (0x0c, 4, ORDINARY, false, true),
        PING => (0x01, 8, 8, true, false),
        GOAWAY => (0, 8, ORDINARY, true, false),
        WINDOW_UPDATE => (0, 4, 4, true, true),
        CONTINUATION => (0x04, 0, ORDINARY, false, true),
        ALTSVC => (0, 2, ORDINARY, true, true),
        ORIGIN => (0, 0, ORDINARY, true, false),
        PRIORITY_UPDATE => (0, 4, ORDINARY, true, false),
        _ => return false,
    };
    if kind == SETTINGS && (!length.is_multiple_of(6) || flags != 0 && length != 0) {
        return false;
    }
    flags & !allowed_flags == 0
        && length >= shortest
        && length <= longest
        && if on_zero { may_be_zero } else { may_be_other }
}

#[cfg(test)]
mod tests;
