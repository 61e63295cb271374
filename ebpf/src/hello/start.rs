//! The first bytes of a stream, however they come, and whether they begin a ClientHello.

/// Bytes that decide: a record's type, version (two) and length (two), a handshake message's type and length (three).
pub const START: usize = COUNT as usize;
/// The same, as packets are counted.
const COUNT: u32 = 9;

/// All of them.
const ALL: u32 = (1 << START) - 1;
/// Those up to the message's type.
const RECORD: u32 = 0b11_1111;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const MAJOR: u8 = 3;
/// SSL 3.0 to TLS 1.3 in a record's version.
const MINOR_MOST: u8 = 4;
const RECORD_HEADER: u32 = 5;
const MESSAGE_HEADER: u32 = 4;
/// RFC 8446, section 5.1.
const RECORD_MOST: u32 = 1 << 14;

/// Bytes from a ClientHello's first to its last, its records' headers included, that are followed.
pub const WINDOW: u32 = 1 << 16;
/// Bytes from the first that are taken for a ClientHello's while the first ones, or its length, are not known.
pub const UNSURE: u32 = 1 << 14;

/// What is known of a stream's first bytes. They lie in numbers, since the verifier does not let an array be written
/// at a place that it cannot foresee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Start {
    /// The first eight bytes, the first in the lowest bits.
    pub bytes: u64,
    /// The ninth.
    pub last: u32,
    /// One bit for each byte that is known.
    pub known: u32,
}

/// What a stream begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is not known yet.
    Unsure,
    /// A ClientHello that ends within these many bytes.
    Hello(u32),
    /// A ClientHello that is longer than [`WINDOW`].
    TooLong,
    /// Something else.
    Other,
}

impl Start {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        bytes: 0,
        last: 0,
        known: 0,
    };

    /// Notes the first `count` of `bytes`, which stand at `offset`.
    #[inline(always)]
    pub const fn note(&mut self, offset: u32, bytes: &[u8; START], count: u32) {
        if offset >= COUNT || count == 0 {
            return;
        }
        let count = if count > COUNT { COUNT } else { count };
        let [a, b, c, d, e, f, g, h, last] = *bytes;
        let first = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        if offset < 8 {
            let mask = (if count < 8 {
                (1 << (8 * count)) - 1
            } else {
                u64::MAX
            }) << (8 * offset);
            self.bytes = self.bytes & !mask | first << (8 * offset) & mask;
        }
        if offset == 0 && count > 8 {
            self.last = last as u32;
        } else if offset > 0 && offset + count > 8 {
            let last = first >> (8 * (8 - offset)) & 0xff;
            self.last = last as u32;
        }
        self.known |= ((1 << count) - 1) << offset & ALL;
    }

    /// What the bytes tell.
    #[inline(always)]
    pub const fn judge(&self) -> Judgement {
        let [kind, major, minor, length_high, length_low, message, long, high] = self.bytes.to_le_bytes();
        let known = self.known;
        let other = known & 1 != 0 && kind != HANDSHAKE
            || known & 1 << 1 != 0 && major != MAJOR
            || known & 1 << 2 != 0 && minor > MINOR_MOST
            || known & 1 << 5 != 0 && message != CLIENT_HELLO;
        if other {
            return Judgement::Other;
        }
        if known & RECORD != RECORD {
            return Judgement::Unsure;
        }
        let record = (length_high as u32) << 8 | length_low as u32;
        if record == 0 || record > RECORD_MOST {
            return Judgement::Other;
        }
        if record < MESSAGE_HEADER {
            // The message's length stands in another record.
            return Judgement::Hello(UNSURE);
        }
        if known != ALL {
            return Judgement::Unsure;
        }
        let message = MESSAGE_HEADER + ((high as u32) << 8 | self.last);
        let end = if record >= message {
            RECORD_HEADER + record
        } else {
            // Most likely all its records but the last have the same length. Too much is better than too little: a
            // client that waits for the answer sends nothing more.
            message + RECORD_HEADER * (message / record + SPARE_RECORDS)
        };
        if long != 0 || end > WINDOW {
            return Judgement::TooLong;
        }
        Judgement::Hello(end)
    }
}

/// Records that are thought possible beyond those that a message needs if all are as long as the first.
const SPARE_RECORDS: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(bytes: &[u8]) -> Judgement {
        let mut start = Start::UNKNOWN;
        for (offset, byte) in (0..).zip(bytes) {
            start.note(offset, &[*byte; START], 1);
        }
        start.judge()
    }

    #[test]
    fn a_hello_in_one_record_ends_with_the_record() {
        assert_eq!(judged(&[22, 3, 1, 2, 0, 1, 0, 1, 252]), Judgement::Hello(517));
        assert_eq!(judged(&[22, 3, 3, 2, 10, 1, 0, 1, 252]), Judgement::Hello(527));
    }

    #[test]
    fn a_hello_in_several_records_has_room_for_their_headers() {
        let message = 4 + 508_u32;
        for record in [4_u8, 5, 100, 255] {
            let judged = judged(&[22, 3, 1, 0, record, 1, 0, 1, 252]);
            let Judgement::Hello(end) = judged else {
                panic!("{judged:?}");
            };
            let records = message.div_ceil(u32::from(record));
            assert!(end >= message + 5 * records, "{record}");
        }
        assert_eq!(judged(&[22, 3, 1, 0, 3, 1]), Judgement::Hello(UNSURE));
    }

    #[test]
    fn the_first_byte_that_does_not_fit_decides() {
        for bytes in [
            &b"G"[..],
            &[22, 2],
            &[22, 3, 5],
            &[22, 3, 1, 0, 0, 1],
            &[22, 3, 1, 0x40, 1, 1],
            &[22, 3, 1, 2, 0, 2],
            &[23, 3, 3, 2, 0, 1],
        ] {
            assert_eq!(judged(bytes), Judgement::Other, "{bytes:?}");
        }
    }

    #[test]
    fn nothing_is_decided_before_it_is_known() {
        let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252];
        for known in 0..9 {
            assert_eq!(judged(&hello[..known]), Judgement::Unsure, "{known}");
        }
        let mut start = Start::UNKNOWN;
        start.note(1, &[3, 1, 2, 0, 1, 0, 1, 252, 9], 9);
        assert_eq!(start.judge(), Judgement::Unsure);
        start.note(0, &[22; START], 1);
        assert_eq!(start.judge(), Judgement::Hello(517));
    }

    #[test]
    fn a_hello_beyond_the_window_is_too_long() {
        assert_eq!(judged(&[22, 3, 1, 0x40, 0, 1, 1, 0, 0]), Judgement::TooLong);
        assert_eq!(judged(&[22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff]), Judgement::TooLong);
    }

    #[test]
    fn bytes_beyond_the_start_are_not_noted() {
        let mut start = Start::UNKNOWN;
        start.note(9, &[7; START], 9);
        start.note(u32::MAX - 9, &[7; START], 9);
        start.note(0, &[7; START], 0);
        assert_eq!(start, Start::UNKNOWN);
    }

    /// Against the plain way of doing it.
    #[test]
    fn any_part_is_noted_where_it_stands() {
        let bytes = [11, 12, 13, 14, 15, 16, 17, 18, 19];
        for offset in 0..9_u8 {
            for count in 1..=9_u8 {
                let mut start = Start::UNKNOWN;
                start.note(0, &[7; START], 9);
                start.known = 0;
                start.note(offset.into(), &bytes, count.into());
                let (offset, count) = (usize::from(offset), usize::from(count));
                let mut expected = [7; 9];
                let written = count.min(9 - offset);
                expected[offset..offset + written].copy_from_slice(&bytes[..written]);
                assert_eq!(start.bytes.to_le_bytes(), expected[..8], "{offset} {count}");
                assert_eq!(start.last, expected[8].into(), "{offset} {count}");
                assert_eq!(start.known, ((1 << written) - 1) << offset, "{offset} {count}");
            }
        }
    }
}
