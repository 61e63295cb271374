//! TCP headers, RFC 9293, section 3.1.

use super::{Packet, Skip, network::Network, number};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const HEADER: u32 = 20;

/// What a TCP header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Source and destination port, as they stand in the packet.
    pub ports: [u8; 4],
    /// Sequence number of the first byte of the payload.
    pub sequence: u32,
    /// Whether it opens a connection.
    pub opens: bool,
    /// Where the payload begins.
    pub payload: u32,
    /// Bytes of payload.
    pub length: u32,
}

/// Reads the header behind the IP header.
///
/// # Errors
/// [`Skip`] if the segment neither carries payload nor opens a connection.
#[inline(always)]
pub fn read(packet: &impl Packet, network: &Network) -> Result<Segment, Skip> {
    let header = packet.load::<14>(network.transport).ok_or(Skip::Malformed)?;
    let length = u32::from(header[12] >> 4) * 4;
    let payload = network.transport + length;
    if length < HEADER || payload > network.end {
        return Err(Skip::Malformed);
    }
    let opens = header[13] & (FIN | SYN | RST | ACK) == SYN;
    if payload == network.end && !opens {
        return Err(Skip::Other);
    }
    let sequence = u32::from(number(&header, 4)) << 16 | u32::from(number(&header, 6));
    Ok(Segment {
        ports: [header[0], header[1], header[2], header[3]],
        // The SYN itself has a number.
        sequence: sequence.wrapping_add(u32::from(opens)),
        opens,
        payload,
        length: network.end - payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{
        link, network,
        samples::{Bytes, ipv4, tcp},
    };

    fn segment(bytes: &[u8]) -> Result<Segment, Skip> {
        let packet = Bytes(ipv4(network::TCP, &[], bytes));
        let network = network::read(&packet, link::IPV4, 0).unwrap();
        read(&packet, &network)
    }

    #[test]
    fn payload_begins_behind_the_options() {
        let found = segment(&tcp(ACK, 7, &[1; 12], b"payload")).unwrap();
        assert_eq!((found.payload, found.length), (20 + 32, 7));
        assert_eq!((found.sequence, found.opens), (7, false));
    }

    #[test]
    fn acknowledgements_are_passed_over() {
        for flags in [ACK, ACK | FIN, RST, SYN | ACK, SYN | RST, SYN | FIN] {
            assert_eq!(segment(&tcp(flags, 7, &[], b"")), Err(Skip::Other), "{flags}");
        }
    }

    #[test]
    fn the_first_byte_follows_the_syn() {
        let found = segment(&tcp(SYN, u32::MAX, &[], b"")).unwrap();
        assert_eq!((found.sequence, found.opens, found.length), (0, true, 0));
    }

    #[test]
    fn lengths_that_lie_are_malformed() {
        let mut short = tcp(ACK, 7, &[], b"payload");
        short[12] = 0x40;
        assert_eq!(segment(&short), Err(Skip::Malformed));
        let mut long = tcp(ACK, 7, &[], b"payload");
        long[12] = 0xf0;
        assert_eq!(segment(&long), Err(Skip::Malformed));
        assert_eq!(segment(&tcp(ACK, 7, &[], b"")[..13]), Err(Skip::Malformed));
    }
}
