//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers.

use super::{Packet, Skip, link, number};
use crate::record::{Flow, Hook};

/// `IPPROTO_TCP`.
pub const TCP: u8 = 6;
/// `IPPROTO_UDP`.
pub const UDP: u8 = 17;

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

const V4_HEADER: u32 = 20;
const V6_HEADER: u32 = 40;
/// `More fragments` and the fragment's offset.
const V4_FRAGMENT: u16 = 0x3fff;
const V4_FRAGMENT_OFFSET: u16 = 0x1fff;
/// The fragment's offset and `M`.
const V6_FRAGMENT: u16 = 0xfff9;
const V6_FRAGMENT_OFFSET: u16 = 0xfff8;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
/// Extension headers that are looked past.
const EXTENSIONS: usize = 4;

/// What an IP header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Whether it is IPv6.
    pub v6: bool,
    /// [`TCP`], [`UDP`] or another.
    pub protocol: u8,
    /// Where the source address stands; the destination's follows.
    pub addresses: u32,
    /// Where TCP's or UDP's header begins.
    pub transport: u32,
    /// Where the IP packet ends: behind it the link may have padding.
    pub end: u32,
}

/// Reads the header at `offset`, of the type that the link told.
///
/// # Errors
/// [`Skip`] if the packet can carry no whole TCP or UDP header.
#[inline(always)]
pub fn read(packet: &impl Packet, kind: u16, offset: u32) -> Result<Network, Skip> {
    if kind == link::IPV4 {
        v4(packet, offset)
    } else {
        v6(packet, offset)
    }
}

#[inline(always)]
fn v4(packet: &impl Packet, offset: u32) -> Result<Network, Skip> {
    let header = packet.load::<10>(offset).ok_or(Skip::Malformed)?;
    let length = u32::from(header[0] & 0xf) * 4;
    if header[0] >> 4 != 4 || length < V4_HEADER {
        return Err(Skip::Malformed);
    }
    let fragment = number(&header, 6);
    let protocol = header[9];
    if fragment & V4_FRAGMENT != 0 {
        return Err(fragmented(protocol, fragment & V4_FRAGMENT_OFFSET));
    }
    Ok(Network {
        v6: false,
        protocol,
        addresses: offset + 12,
        transport: offset + length,
        end: end(packet, offset, u32::from(number(&header, 2)), length)?,
    })
}

#[inline(always)]
fn v6(packet: &impl Packet, offset: u32) -> Result<Network, Skip> {
    let header = packet.load::<7>(offset).ok_or(Skip::Malformed)?;
    if header[0] >> 4 != 6 {
        return Err(Skip::Malformed);
    }
    let payload = u32::from(number(&header, 4));
    let total = if payload == 0 { 0 } else { payload + V6_HEADER };
    let mut network = Network {
        v6: true,
        protocol: header[6],
        addresses: offset + 8,
        transport: offset + V6_HEADER,
        end: end(packet, offset, total, V6_HEADER)?,
    };
    for _ in 0..EXTENSIONS {
        if !is_extension(network.protocol) {
            break;
        }
        let extension = packet.load::<4>(network.transport).ok_or(Skip::Malformed)?;
        let length = u32::from(extension[1]);
        let length = match network.protocol {
            FRAGMENT => {
                let fragment = number(&extension, 2);
                if fragment & V6_FRAGMENT != 0 {
                    return Err(fragmented(extension[0], fragment & V6_FRAGMENT_OFFSET));
                }
                8
            }
            AUTHENTICATION => (length + 2) * 4,
            _ => (length + 1) * 8,
        };
        network.protocol = extension[0];
        network.transport += length;
    }
    if is_extension(network.protocol) {
        return Err(Skip::Deep);
    }
    Ok(network)
}

#[inline(always)]
const fn is_extension(next: u8) -> bool {
    matches!(
        next,
        HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION | MOBILITY
    )
}

/// The end of a packet of `total` bytes. A length of 0 stands for one beyond 16 bits, which the kernel makes where
/// segments are cut, or put together, only later.
#[inline(always)]
fn end(packet: &impl Packet, offset: u32, total: u32, header: u32) -> Result<u32, Skip> {
    let length = packet.length();
    let end = if total == 0 { length } else { offset + total };
    if end > length || end < offset + header {
        return Err(Skip::Malformed);
    }
    Ok(end)
}

#[inline(always)]
const fn fragmented(protocol: u8, offset: u16) -> Skip {
    if protocol == TCP && offset == 0 {
        Skip::Fragment
    } else {
        Skip::Other
    }
}

/// The addresses of a packet, as words of the bytes that stand in it: what finds the flow that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Source; of IPv4's only the first half of the first word.
    pub source: [u64; 2],
    /// Destination.
    pub destination: [u64; 2],
}

impl Network {
    /// Reads the addresses.
    ///
    /// # Errors
    /// [`Skip::Malformed`] if the packet is cut off.
    #[inline(always)]
    pub fn addresses(&self, packet: &impl Packet) -> Result<Addresses, Skip> {
        if self.v6 {
            let bytes = packet.load::<32>(self.addresses).ok_or(Skip::Malformed)?;
            return Ok(Addresses {
                source: [word(&bytes, 0), word(&bytes, 8)],
                destination: [word(&bytes, 16), word(&bytes, 24)],
            });
        }
        let [a, b, c, d, e, f, g, h] = packet.load::<8>(self.addresses).ok_or(Skip::Malformed)?;
        Ok(Addresses {
            source: [u64::from_ne_bytes([a, b, c, d, 0, 0, 0, 0]), 0],
            destination: [u64::from_ne_bytes([e, f, g, h, 0, 0, 0, 0]), 0],
        })
    }

    /// The flow that the packet belongs to, with its ports as they stand in the packet.
    #[inline(always)]
    pub const fn flow(&self, addresses: &Addresses, ports: [u8; 4], interface: u32, hook: Hook) -> Flow {
        Flow {
            source: bytes(addresses.source),
            destination: bytes(addresses.destination),
            interface,
            source_port: number(&ports, 0),
            destination_port: number(&ports, 2),
            family: if self.v6 { AF_INET6 } else { AF_INET },
            hook: hook as u8,
            reserved: 0,
        }
    }
}

#[inline(always)]
const fn word(bytes: &[u8; 32], at: usize) -> u64 {
    u64::from_ne_bytes([
        bytes[at],
        bytes[at + 1],
        bytes[at + 2],
        bytes[at + 3],
        bytes[at + 4],
        bytes[at + 5],
        bytes[at + 6],
        bytes[at + 7],
    ])
}

#[inline(always)]
const fn bytes([first, second]: [u64; 2]) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h] = first.to_ne_bytes();
    let [i, j, k, l, m, n, o, p] = second.to_ne_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::samples::{Bytes, ipv4, ipv6};

    #[test]
    fn options_are_looked_past_and_padding_is_left_out() {
        let mut bytes = ipv4(TCP, &[1; 40], b"header and payload");
        let end = u32::try_from(bytes.len()).unwrap();
        bytes.extend([0; 6]);
        let network = read(&Bytes(bytes), link::IPV4, 0).unwrap();
        assert_eq!((network.transport, network.end), (60, end));
        assert_eq!((network.protocol, network.addresses), (TCP, 12));
    }

    #[test]
    fn lengths_that_lie_are_malformed() {
        let sound = ipv4(TCP, &[], &[0; 20]);
        for (at, value) in [(3, 41), (3, 19), (0, 0x44), (0, 0x4b), (0, 0x65)] {
            let mut bytes = sound.clone();
            bytes[at] = value;
            let read = read(&Bytes(bytes), link::IPV4, 0);
            assert_eq!(read, Err(Skip::Malformed), "{at} {value}");
        }
    }

    #[test]
    fn a_length_of_0_means_all_there_is() {
        let mut bytes = ipv4(TCP, &[], &[0; 100]);
        bytes[2] = 0;
        bytes[3] = 0;
        assert_eq!(read(&Bytes(bytes), link::IPV4, 0).unwrap().end, 120);
        let mut bytes = ipv6(TCP, &[], &[0; 100]);
        bytes[4] = 0;
        bytes[5] = 0;
        assert_eq!(read(&Bytes(bytes), link::IPV6, 0).unwrap().end, 140);
    }

    #[test]
    fn fragments_are_passed_over_and_the_first_of_tcp_is_told() {
        for (fragment, protocol, expected) in [
            ([0x20, 0x00], TCP, Skip::Fragment),
            ([0x20, 0x01], TCP, Skip::Other),
            ([0x00, 0x01], TCP, Skip::Other),
            ([0x20, 0x00], UDP, Skip::Other),
        ] {
            let mut bytes = ipv4(protocol, &[], &[0; 20]);
            bytes[6..8].copy_from_slice(&fragment);
            assert_eq!(read(&Bytes(bytes), link::IPV4, 0), Err(expected));
        }
        let mut whole = ipv4(TCP, &[], &[0; 20]);
        whole[6] = 0x40;
        assert!(read(&Bytes(whole), link::IPV4, 0).is_ok(), "don't fragment");
        for (fragment, expected) in [
            ([0, 1], Err(Skip::Fragment)),
            ([0, 9], Err(Skip::Other)),
            ([0, 0], Ok(48)),
        ] {
            let extension = [TCP, 0, fragment[0], fragment[1], 0, 0, 0, 7];
            let bytes = ipv6(FRAGMENT, &extension, &[0; 20]);
            let read = read(&Bytes(bytes), link::IPV6, 0);
            assert_eq!(read.map(|network| network.transport), expected);
        }
    }

    #[test]
    fn up_to_four_extension_headers_are_looked_past() {
        let routing = [DESTINATION, 2].into_iter().chain([0; 22]).collect::<Vec<u8>>();
        let destination = [AUTHENTICATION, 0, 0, 0, 0, 0, 0, 0];
        let authentication = [UDP, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let hop = [ROUTING, 0, 0, 0, 0, 0, 0, 0];
        let four = [&hop[..], &routing, &destination, &authentication].concat();
        let network = read(&Bytes(ipv6(HOP_BY_HOP, &four, &[0; 8])), link::IPV6, 0).unwrap();
        assert_eq!((network.protocol, network.transport), (UDP, 40 + 8 + 24 + 8 + 12));
        let five = [&[HOP_BY_HOP, 0, 0, 0, 0, 0, 0, 0], &four[..]].concat();
        let read = read(&Bytes(ipv6(HOP_BY_HOP, &five, &[0; 8])), link::IPV6, 0);
        assert_eq!(read, Err(Skip::Deep));
    }

    #[test]
    fn flows_hold_addresses_and_ports_as_records_do() {
        let packet = Bytes(ipv4(TCP, &[], &[0; 20]));
        let network = read(&packet, link::IPV4, 0).unwrap();
        let addresses = network.addresses(&packet).unwrap();
        let flow = network.flow(&addresses, [0x01, 0xbb, 0x80, 0x00], 7, Hook::TcEgress);
        assert_eq!(flow.source[..5], [192, 0, 2, 1, 0]);
        assert_eq!(flow.destination[..5], [192, 0, 2, 2, 0]);
        assert_eq!((flow.source_port, flow.destination_port), (443, 32_768));
        assert_eq!((flow.family, flow.interface, flow.hook), (2, 7, 2));
        let packet = Bytes(ipv6(TCP, &[], &[0; 20]));
        let network = read(&packet, link::IPV6, 0).unwrap();
        let addresses = network.addresses(&packet).unwrap();
        let flow = network.flow(&addresses, [0; 4], 7, Hook::Xdp);
        assert_eq!((flow.family, flow.source[15], flow.destination[15]), (10, 1, 2));
    }
}
