//! Bytes of a head that need not be looked at one by one: most of it is values of fields that do not matter.

use super::field::{self, CODING_FIELD, LENGTH_FIELD};
use super::word;
use crate::framing::{Phase, RESPONSE, Stream};

const ONES: u64 = 0x0101_0101_0101_0101;
const LF: u64 = ONES * b'\n' as u64;
const CR: u64 = ONES * b'\r' as u64;

/// A name as it stands in memory, and what makes capital letters in its place small.
struct Name {
    text: u64,
    small: u64,
}

const CONTENT: Name = Name::new(*b"content-");
const TRANSFER: Name = Name::new(*b"transfer");
const LENGTH: Name = Name::new(*b"length:\0");
/// The first letter of a status line, and what follows it.
const H: u64 = b'H' as u64;
const HTTP_1_1: u64 = u64::from_le_bytes(*b"TTP/1.1 ");
/// Position in a status line: of the status code, and of what follows it and one more.
const STATUS: u8 = 9;
const BEHIND_STATUS: u8 = 13;

impl Name {
    const fn new(text: [u8; 8]) -> Self {
        let mut small = [0; 8];
        let mut index = 0;
        while index < 8 {
            // Of other bytes it would make them, too.
            if text[index].is_ascii_lowercase() {
                small[index] = 0x20;
            }
            index += 1;
        }
        Self {
            text: u64::from_le_bytes(text),
            small: u64::from_le_bytes(small),
        }
    }

    /// Has a bit set in each byte that is another.
    #[inline(always)]
    const fn differences(&self, bytes: u64) -> u64 {
        (bytes | self.small) ^ self.text
    }
}

/// Takes as many of the next bytes as can be taken together, and tells how many; 0 if the first has to be fed to
/// [`crate::framing::step`]. `bytes` holds them as they stand in memory, the first lowest; `most` of them count, 1 to 8.
#[inline(always)]
pub fn leap(stream: &mut Stream, bytes: u64, most: u64) -> u64 {
    const FIELD_START: u8 = Phase::FieldStart as u8;
    const FIELD_NAME: u8 = Phase::FieldName as u8;
    const FIELD_REST: u8 = Phase::FieldRest as u8;
    const METHOD: u8 = Phase::Method as u8;
    const START_LINE: u8 = Phase::StartLine as u8;
    match stream.phase {
        FIELD_REST => rest_of_line(stream, bytes, most),
        FIELD_START => field(stream, bytes, most),
        FIELD_NAME => field_name(stream, bytes, most),
        START_LINE if stream.flags & RESPONSE == 0 => request_line(stream, bytes, most),
        START_LINE if stream.position == BEHIND_STATUS => rest_of_line(stream, bytes, most),
        METHOD if most == 8 && bytes == HTTP_1_1 && stream.position == 1 && stream.window == H => {
            stream.flags |= RESPONSE;
            stream.phase = START_LINE;
            stream.window = word(b"HTTP");
            stream.position = STATUS;
            8
        }
        _ => 0,
    }
}

/// What is left of a line of which nothing matters.
#[inline(always)]
fn rest_of_line(stream: &mut Stream, bytes: u64, most: u64) -> u64 {
    let before = below_lowest(marks(bytes ^ LF));
    if before >= most {
        return most;
    }
    stream.phase = Phase::FieldStart as u8;
    before + 1
}

/// The beginning of a field's name, or all of it that matters.
#[inline(always)]
fn field(stream: &mut Stream, bytes: u64, most: u64) -> u64 {
    let (name, field) = match bytes.to_le_bytes()[0] {
        b'\r' | b'\n' => return 0,
        b'c' | b'C' => (&CONTENT, LENGTH_FIELD),
        b't' | b'T' => (&TRANSFER, CODING_FIELD),
        _ => {
            stream.phase = Phase::FieldRest as u8;
            return rest_of_line(stream, bytes, most);
        }
    };
    if most < 8 {
        return 0;
    }
    let differences = name.differences(bytes);
    stream.field = field;
    stream.position = below_lowest(differences).to_le_bytes()[0];
    if differences != 0 {
        stream.phase = Phase::FieldRest as u8;
        return rest_of_line(stream, bytes, most);
    }
    stream.phase = Phase::FieldName as u8;
    8
}

/// `length:`, after `content-`.
#[inline(always)]
fn field_name(stream: &mut Stream, bytes: u64, most: u64) -> u64 {
    let is_length = stream.field == LENGTH_FIELD && stream.position == 8;
    if !is_length || most < 8 || LENGTH.differences(bytes) << 8 != 0 {
        return 0;
    }
    stream.position += 7;
    field::begin_value(stream);
    7
}

#[inline(always)]
fn request_line(stream: &mut Stream, bytes: u64, most: u64) -> u64 {
    let before = below_lowest(marks(bytes ^ LF) | marks(bytes ^ CR));
    let count = if before < most { before } else { most };
    if count > 0 {
        let taken = bytes.swap_bytes() >> ((8 - count) * 8);
        // Two shifts, since one by 64 is none.
        stream.window = stream.window << 8 << ((count - 1) * 8) | taken;
    }
    count
}

/// Marks the bytes that are 0, with their highest bit. What lies above the first of them may be marked as well.
#[inline(always)]
const fn marks(bytes: u64) -> u64 {
    bytes.wrapping_sub(ONES) & !bytes & (ONES << 7)
}

/// How many bytes there are below the lowest that has a bit set; 8 if none has. Programs have no instruction that counts
/// zeros.
#[inline(always)]
const fn below_lowest(bits: u64) -> u64 {
    if bits == 0 {
        return 8;
    }
    let below = (bits & bits.wrapping_neg()) - 1;
    (below >> 7 & ONES).wrapping_mul(ONES) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mark_is_found() {
        for at in 0..8 {
            for above in 0..8 {
                let mut bytes = *b"abcdefgh";
                bytes[at] = b'\n';
                bytes[at.max(above)] = b'\n';
                let marks = marks(u64::from_le_bytes(bytes) ^ LF);
                assert_eq!(below_lowest(marks), at as u64, "{bytes:?}");
            }
        }
        assert_eq!(
            below_lowest(marks(u64::from_le_bytes(*b"\x0bbc\x09efgh") ^ LF)),
            8
        );
    }
}
