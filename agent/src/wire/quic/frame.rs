//! The frames in an Initial packet: RFC 9000, sections 12.4 and 19.

use crate::wire::reader::Reader;

const PADDING: u64 = 0x00;
const PING: u64 = 0x01;
const ACK: u64 = 0x02;
const ACK_WITH_COUNTS: u64 = 0x03;
const CRYPTO: u64 = 0x06;
const CONNECTION_CLOSE: u64 = 0x1c;

/// Part of the stream of handshake messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) struct Crypto<'a> {
    /// Octets of the stream before it, at most 2^62 - 1.
    pub(in crate::wire) offset: u64,
    pub(in crate::wire) octets: &'a [u8],
}

/// The CRYPTO frames of a payload, in their order. `None` if another frame than these may hold is among them, or one
/// breaks off.
pub(in crate::wire) fn crypto(payload: &[u8]) -> Option<Vec<Crypto<'_>>> {
    let (mut reader, mut found) = (Reader::new(payload), Vec::new());
    while !reader.is_empty() {
        match reader.varint()? {
            PADDING | PING => {}
            ACK => acknowledgement(&mut reader)?,
            ACK_WITH_COUNTS => {
                acknowledgement(&mut reader)?;
                skip(&mut reader, 3)?;
            }
            CRYPTO => {
                let offset = reader.varint()?;
                let octets = counted(&mut reader)?;
                found.push(Crypto { offset, octets });
            }
            CONNECTION_CLOSE => {
                skip(&mut reader, 2)?;
                counted(&mut reader)?;
            }
            _ => return None,
        }
    }
    Some(found)
}

/// Largest acknowledged, delay, and the ranges behind their number, the first of which stands alone.
fn acknowledgement(reader: &mut Reader<'_>) -> Option<()> {
    skip(reader, 2)?;
    let ranges = reader.varint()?;
    skip(reader, 1)?;
    skip(reader, ranges.checked_mul(2)?)
}

fn skip(reader: &mut Reader<'_>, integers: u64) -> Option<()> {
    (0..integers).try_for_each(|_| reader.varint().map(|_| ()))
}

fn counted<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(reader.varint()?).ok()?;
    reader.octets(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[test]
    fn other_frames_are_passed_over() {
        let payload = [
            &b"\0\0\x06\x40\x05\x02ab\x01"[..],
            b"\x02\x03\x00\x01\x00\x01\x01",
            b"\x03\x03\x00\x00\x00\x01\x02\x03",
            b"\x1c\x0a\x06\x03bad",
            b"\x06\x00\x01c\0",
        ]
        .concat();
        let expected = [
            Crypto {
                offset: 5,
                octets: b"ab",
            },
            Crypto {
                offset: 0,
                octets: b"c",
            },
        ];
        assert_eq!(crypto(&payload).unwrap(), expected);
    }

    #[rstest]
    #[case::stream(b"\x08\x00x")]
    #[case::crypto_cut_off(b"\x06\x00\x03ab")]
    #[case::more_ranges_than_octets(b"\x02\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0")]
    #[case::close_cut_off(b"\x1c\0\0\x02a")]
    fn what_may_not_stand_there_is_refused(#[case] payload: &[u8]) {
        assert_eq!(crypto(payload), None);
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_taken(bytes: Vec<u8>) {
            let _ = crypto(&bytes);
        }
    }
}
