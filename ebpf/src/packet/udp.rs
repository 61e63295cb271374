//! UDP headers (RFC 768), and the first bytes of QUIC packets.

use super::{Packet, Skip, network::Network, number};

const HEADER: u32 = 8;
/// RFC 9000, section 14.1: a client's datagram with an Initial packet has at least these many bytes.
pub const INITIAL: u32 = 1200;
/// RFC 9000, section 17.2: the long header's form bit and type.
const LONG: u8 = 0x80;
const TYPE: u8 = 0x30;
/// RFC 9000, section 17.2.2.
const VERSION_1: [u8; 4] = [0, 0, 0, 1];
const VERSION_1_INITIAL: u8 = 0x00;
/// RFC 9369, section 3.
const VERSION_2: [u8; 4] = [0x6b, 0x33, 0x43, 0xcf];
const VERSION_2_INITIAL: u8 = 0x10;

/// What a UDP header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Source and destination port, as they stand in the packet.
    pub ports: [u8; 4],
    /// Where the payload begins.
    pub payload: u32,
    /// Bytes of payload; of several datagrams that will be cut only later, of all.
    pub length: u32,
}

/// Reads the header behind the IP header.
///
/// # Errors
/// [`Skip`] if the payload is too short for a client's Initial.
#[inline(always)]
pub fn read(packet: &impl Packet, network: &Network) -> Result<Datagram, Skip> {
    let header = packet.load::<6>(network.transport).ok_or(Skip::Malformed)?;
    let length = u32::from(number(&header, 4));
    // 0 stands for a length beyond 16 bits.
    let end = if length == 0 {
        network.end
    } else {
        network.transport + length
    };
    let payload = network.transport + HEADER;
    if end > network.end || end < payload {
        return Err(Skip::Malformed);
    }
    if end - payload < INITIAL {
        return Err(Skip::Other);
    }
    Ok(Datagram {
        ports: [header[0], header[1], header[2], header[3]],
        payload,
        length: end - payload,
    })
}

/// Whether a datagram of these first bytes begins with an Initial packet of QUIC version 1 or 2. The fixed bit is
/// not looked at: RFC 9287 lets it be anything.
#[inline(always)]
pub fn is_initial(first: [u8; 5]) -> bool {
    let [kind, a, b, c, d] = first;
    let version = [a, b, c, d];
    kind & LONG != 0
        && (version == VERSION_1 && kind & TYPE == VERSION_1_INITIAL
            || version == VERSION_2 && kind & TYPE == VERSION_2_INITIAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{
        link, network,
        samples::{Bytes, ipv4, udp},
    };

    fn datagram(bytes: &[u8]) -> Result<Datagram, Skip> {
        let packet = Bytes(ipv4(network::UDP, &[], bytes));
        let network = network::read(&packet, link::IPV4, 0).unwrap();
        read(&packet, &network)
    }

    #[test]
    fn only_datagrams_that_are_long_enough_are_read() {
        let found = datagram(&udp(&[0; 1200])).unwrap();
        assert_eq!((found.payload, found.length), (28, 1200));
        assert_eq!(datagram(&udp(&[0; 1199])), Err(Skip::Other));
    }

    #[test]
    fn lengths_that_lie_are_malformed() {
        for length in [7_u16, 1209] {
            let mut bytes = udp(&[0; 1200]);
            bytes[4..6].copy_from_slice(&length.to_be_bytes());
            assert_eq!(datagram(&bytes), Err(Skip::Malformed), "{length}");
        }
        assert_eq!(datagram(&udp(&[0; 1200])[..5]), Err(Skip::Malformed));
    }

    #[test]
    fn initials_are_told_by_version_and_type() {
        for (first, expected) in [
            ([0xc3, 0, 0, 0, 1], true),
            ([0x83, 0, 0, 0, 1], true),
            ([0xd3, 0, 0, 0, 1], false),
            ([0xe0, 0, 0, 0, 1], false),
            ([0xf0, 0, 0, 0, 1], false),
            ([0x43, 0, 0, 0, 1], false),
            ([0xd3, 0x6b, 0x33, 0x43, 0xcf], true),
            ([0xc3, 0x6b, 0x33, 0x43, 0xcf], false),
            ([0xc3, 0, 0, 0, 0], false),
            ([0xc3, 0xff, 0, 0, 29], false),
        ] {
            assert_eq!(is_initial(first), expected, "{first:x?}");
        }
    }
}
