//! Bytes of a head that need not be looked at one by one: most of it is values of fields that do not matter.

use super::{Phase, RESPONSE, Stream};

const ONES: u64 = 0x0101_0101_0101_0101;
const LF: u64 = ONES * b'\n' as u64;
const CR: u64 = ONES * b'\r' as u64;

/// Takes as many of the next bytes as can be taken together, and tells how many; 0 if the first has to be fed to
/// [`super::step`]. `bytes` holds them as they stand in memory, the first lowest; `most` of them count, 1 to 8.
#[inline(always)]
pub fn leap(stream: &mut Stream, bytes: u64, most: u64) -> u64 {
    const FIELD_REST: u8 = Phase::FieldRest as u8;
    const START_LINE: u8 = Phase::StartLine as u8;
    match stream.phase {
        FIELD_REST => {
            let before = leading(marks(bytes ^ LF));
            if before >= most {
                return most;
            }
            stream.phase = Phase::FieldStart as u8;
            before + 1
        }
        START_LINE if stream.flags & RESPONSE == 0 => {
            let before = leading(marks(bytes ^ LF) | marks(bytes ^ CR));
            let count = if before < most { before } else { most };
            if count > 0 {
                let taken = bytes.swap_bytes() >> ((8 - count) * 8);
                // Two shifts, since one by 64 is none.
                stream.window = stream.window << 8 << ((count - 1) * 8) | taken;
            }
            count
        }
        _ => 0,
    }
}

/// Marks the bytes that are 0, with their highest bit. What lies above the first of them may be marked as well.
#[inline(always)]
const fn marks(bytes: u64) -> u64 {
    bytes.wrapping_sub(ONES) & !bytes & (ONES << 7)
}

/// How many bytes there are below the first mark. Programs have no instruction that counts zeros.
#[inline(always)]
const fn leading(marks: u64) -> u64 {
    if marks == 0 {
        return 8;
    }
    let below = (marks & marks.wrapping_neg()) - 1;
    ((below & ONES).wrapping_mul(ONES) >> 56) - 1
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
                assert_eq!(leading(marks), at as u64, "{bytes:?}");
            }
        }
        assert_eq!(leading(marks(u64::from_le_bytes(*b"\x0bbc\x09efgh") ^ LF)), 8);
    }
}
