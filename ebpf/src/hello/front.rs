//! ClientHellos that begin in the middle of a stream: behind a PROXY header, CONNECT, STARTTLS, or as the answer to a
//! HelloRetryRequest. They are found only at the start of a segment, or behind what a fixed length, or one told, stands
//! in front of there: not behind version 1 of the PROXY protocol, a line, unless that is a segment of its own.

use crate::packet::Packet;

/// Bytes that a hello's first segment must have to be recognised: those of [`super::start::START`], and the version.
const FRONT: u32 = 11;
/// A record with `ChangeCipherSpec`, RFC 8446, appendix D.4: it stands in front of the second ClientHello.
const CHANGE_CIPHER_SPEC: [u8; 6] = [20, 3, 3, 0, 1, 1];
/// The first bytes of a header of the PROXY protocol, version 2: "\r\n\r\n\0\r\nQUIT\n", section 2.2.
const PROXY_2: [u8; 11] = *b"\r\n\r\n\0\r\nQUIT";
const PROXY_2_HEADER: u32 = 16;

/// Bytes of the segment in front of the ClientHello that begins in it.
#[inline(always)]
pub fn before_hello(packet: &impl Packet, payload: u32, length: u32) -> Option<u32> {
    if length < FRONT {
        return None;
    }
    let front = packet.load::<11>(payload)?;
    if is_hello(&front) {
        return Some(0);
    }
    let before = before(packet, payload, &front)?;
    if length < before + FRONT {
        return None;
    }
    is_hello(&packet.load::<11>(payload + before)?).then_some(before)
}

#[inline(always)]
fn before(packet: &impl Packet, payload: u32, front: &[u8; 11]) -> Option<u32> {
    let [a, b, c, d, e, f, ..] = *front;
    if [a, b, c, d, e, f] == CHANGE_CIPHER_SPEC {
        return Some(6);
    }
    if *front == PROXY_2 {
        let [high, low] = packet.load::<2>(payload + PROXY_2_HEADER - 2)?;
        return Some(PROXY_2_HEADER + u32::from(u16::from_be_bytes([high, low])));
    }
    None
}

/// Whether these bytes are a record's and a ClientHello's headers and its version.
#[inline(always)]
fn is_hello(front: &[u8; 11]) -> bool {
    let [22, 3, 0..=4, high, low, 1, 0, message_high, message_low, 3, 0..=3] = *front else {
        return false;
    };
    let record = u16::from_be_bytes([high, low]);
    let message = u32::from(u16::from_be_bytes([message_high, message_low])) + 4;
    // Version, random, and four lengths or more.
    let shortest = 4 + 2 + 32 + 1 + 2 + 2 + 1;
    matches!(record, 6..=0x4000) && message >= shortest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::samples::Bytes;

    const HELLO: [u8; 11] = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];

    fn found(parts: &[&[u8]]) -> Option<u32> {
        let bytes = parts.concat();
        let length = u32::try_from(bytes.len()).unwrap();
        before_hello(&Bytes([&[9; 54], &bytes[..]].concat()), 54, length)
    }

    #[test]
    fn a_hello_is_found_where_the_segment_begins() {
        assert_eq!(found(&[&HELLO]), Some(0));
        assert_eq!(found(&[&HELLO[..10]]), None);
    }

    #[test]
    fn and_behind_what_commonly_stands_in_front() {
        assert_eq!(found(&[&CHANGE_CIPHER_SPEC, &HELLO]), Some(6));
        let address = [0x21, 0x11, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        assert_eq!(found(&[&PROXY_2, b"\n", &address, &HELLO]), Some(28));
    }

    #[test]
    fn lengths_that_reach_beyond_the_segment_find_nothing() {
        let address = [0x21, 0x11, 0xff, 0xff];
        assert_eq!(found(&[&PROXY_2, b"\n", &address, &HELLO]), None);
        assert_eq!(found(&[&CHANGE_CIPHER_SPEC, &HELLO[..10]]), None);
    }

    #[test]
    fn what_is_no_hello_is_not_found() {
        for (at, value) in [
            (0, 23),
            (1, 2),
            (2, 5),
            (3, 0x41),
            (5, 2),
            (6, 1),
            (9, 2),
            (10, 4),
        ] {
            let mut bytes = HELLO;
            bytes[at] = value;
            assert_eq!(found(&[&bytes]), None, "{at} {value}");
        }
        assert_eq!(
            found(&[&[22, 3, 1, 0, 5, 1, 0, 1, 252, 3, 3]]),
            None,
            "a record of 5"
        );
        assert_eq!(found(&[&[22, 3, 1, 2, 0, 1, 0, 0, 39, 3, 3]]), None, "too short");
    }
}
