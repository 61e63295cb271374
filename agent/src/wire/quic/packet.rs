//! The packets in a datagram: RFC 9000, sections 12.2 and 17.2.

use super::Version;
use crate::wire::reader::Reader;

/// Longest connection identifier.
const LONGEST_ID: usize = 20;

/// An Initial packet, protected as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) struct Initial<'a> {
    pub(in crate::wire) version: Version,
    /// The destination's connection identifier.
    pub(in crate::wire) destination: &'a [u8],
    /// The packet, from its first octet to its last.
    pub(in crate::wire) octets: &'a [u8],
    /// Where in them the packet number begins.
    pub(in crate::wire) number_at: usize,
}

/// Why a datagram holds no further Initial packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) enum Fault {
    /// It does not begin with a long header of a version that is read.
    Unknown,
    /// A packet goes beyond its end, or its header breaks the rules.
    Malformed,
}

enum Packet<'a> {
    Initial(Initial<'a>),
    Other,
}

/// The Initial packets of a datagram, or of several that follow each other, as segmentation offload shows them.
pub(in crate::wire) fn initials(datagram: &[u8]) -> impl Iterator<Item = Result<Initial<'_>, Fault>> {
    let (mut rest, mut first) = (datagram, true);
    std::iter::from_fn(move || {
        loop {
            let known = std::mem::take(&mut first);
            match packet(&mut rest) {
                Some(Ok(Packet::Initial(initial))) => return Some(Ok(initial)),
                Some(Ok(Packet::Other)) => {}
                Some(Err(fault)) => {
                    rest = &[];
                    return Some(Err(fault));
                }
                None if known => return Some(Err(Fault::Unknown)),
                None => return None,
            }
        }
    })
}

/// Takes a packet off the front; `None` if what is there has no long header of a version that is read.
fn packet<'a>(rest: &mut &'a [u8]) -> Option<Result<Packet<'a>, Fault>> {
    // Some clients fill their datagrams with zeros behind the packets.
    let zeros = rest.iter().take_while(|octet| **octet == 0).count();
    let octets = &rest[zeros..];
    *rest = &[];
    let mut reader = Reader::new(octets);
    let first = reader.u8().filter(|first| first & 0x80 != 0)?;
    let version = Version::from_number(reader.u32()?)?;
    // RFC 9369, section 3.2, moves the types.
    let kind = match version {
        Version::One => first >> 4 & 3,
        Version::Two => (first >> 4).wrapping_sub(1) & 3,
    };
    // A Retry has no length, and nothing stands behind it.
    if kind == 3 {
        return None;
    }
    let Some((destination, length)) = long_header(&mut reader, kind == 0) else {
        return Some(Err(Fault::Malformed));
    };
    let number_at = octets.len() - reader.rest().len();
    let (octets, behind) = octets.split_at(number_at + length);
    *rest = behind;
    Some(Ok(if kind == 0 {
        Packet::Initial(Initial {
            version,
            destination,
            octets,
            number_at,
        })
    } else {
        Packet::Other
    }))
}

/// The destination's identifier, and how long the rest of the packet is, which is there.
fn long_header<'a>(reader: &mut Reader<'a>, has_token: bool) -> Option<(&'a [u8], usize)> {
    let destination = reader.vector8().filter(|id| id.len() <= LONGEST_ID)?;
    reader.vector8().filter(|id| id.len() <= LONGEST_ID)?;
    if has_token {
        let length = reader.varint()?;
        reader.octets(usize::try_from(length).ok()?)?;
    }
    let length = usize::try_from(reader.varint()?).ok()?;
    (length <= reader.rest().len()).then_some((destination, length))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const INITIAL: &[u8] = b"\xc0\0\0\0\x01\x02id\x01s\x03tok\x05first";
    const ZERO_RTT: &[u8] = b"\xd0\0\0\0\x01\x02id\x01s\x05early";
    const INITIAL_OF_VERSION_2: &[u8] = b"\xd0\x6b\x33\x43\xcf\x02id\0\0\x05other";

    fn bodies(datagram: &[u8]) -> Vec<&[u8]> {
        let initials = initials(datagram).map(Result::unwrap);
        initials
            .map(|initial| &initial.octets[initial.number_at..])
            .collect()
    }

    #[test]
    fn initials_are_found_among_coalesced_packets() {
        let datagram = [INITIAL, ZERO_RTT, INITIAL, b"\x40short", INITIAL].concat();
        assert_eq!(bodies(&datagram), [b"first", b"first"]);
        let first = initials(&datagram).next().unwrap().unwrap();
        assert_eq!(first.destination, b"id");
        assert_eq!((first.version, first.octets), (Version::One, INITIAL));
    }

    #[test]
    fn version_2_numbers_its_types_differently() {
        assert_eq!(bodies(INITIAL_OF_VERSION_2), [b"other"]);
        let mut zero_rtt = INITIAL_OF_VERSION_2.to_vec();
        zero_rtt[0] = 0xe0;
        assert_eq!(bodies(&zero_rtt), [[0; 0]; 0]);
    }

    #[test]
    fn datagrams_behind_each_other_with_zeros_between_are_read() {
        assert_eq!(bodies(&[INITIAL, &[0; 40], INITIAL, &[0; 3]].concat()).len(), 2);
    }

    #[rstest]
    #[case::nothing(b"")]
    #[case::short_header(b"\x40\0\0\0\x01\x02id")]
    #[case::version_negotiation(b"\xc0\0\0\0\0\x02id\x01s\0\0\0\x01")]
    #[case::unknown_version(b"\xc0\xff\0\0\x1d\x02id\0\0\x01x")]
    #[case::retry(b"\xf0\0\0\0\x01\x02id\x01stoken")]
    fn what_is_no_packet_that_is_read_is_told_apart(#[case] datagram: &[u8]) {
        assert_eq!(initials(datagram).collect::<Vec<_>>(), [Err(Fault::Unknown)]);
    }

    #[test]
    fn a_packet_that_is_cut_anywhere_is_malformed() {
        for end in 5..INITIAL.len() {
            let found: Vec<_> = initials(&INITIAL[..end]).collect();
            assert_eq!(found, [Err(Fault::Malformed)], "{end}");
        }
        let long_id = [&b"\xc0\0\0\0\x01\x15"[..], &[1; 21], b"\0\0\x01x"].concat();
        assert_eq!(initials(&long_id).next(), Some(Err(Fault::Malformed)));
    }
}
