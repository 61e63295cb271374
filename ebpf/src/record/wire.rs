//! ClientHellos on the wire.

use super::Header;

/// Where in the machine a packet was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Hook {
    /// By a tc program, where packets come in.
    TcIngress = 1,
    /// By a tc program, where packets go out.
    TcEgress = 2,
    /// By an XDP program.
    Xdp = 3,
}

/// One direction of a TCP connection or UDP association, as its packets show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Flow {
    /// Source address in network order; IPv4 in the first four bytes.
    pub source: [u8; 16],
    /// Destination address in network order; IPv4 in the first four bytes.
    pub destination: [u8; 16],
    /// Index of the interface.
    pub interface: u32,
    /// Source port, host order.
    pub source_port: u16,
    /// Destination port, host order.
    pub destination_port: u16,
    /// `AF_INET` 2, `AF_INET6` 10.
    pub family: u16,
    /// A [`Hook`].
    pub hook: u8,
    /// Always 0.
    pub reserved: u8,
}

/// Part of a TCP stream that is, or may be, a ClientHello. The header's process and object are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct SegmentHeader {
    /// What every record begins with.
    pub header: Header,
    /// From client to server.
    pub flow: Flow,
    /// TCP sequence number at which the TLS record with the ClientHello begins.
    pub first: u32,
    /// TCP sequence number of the first byte that follows.
    pub sequence: u32,
    /// Bytes that follow.
    pub length: u32,
}

/// A UDP datagram that begins with a QUIC Initial packet. The header's process and object are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct DatagramHeader {
    /// What every record begins with.
    pub header: Header,
    /// From sender to receiver.
    pub flow: Flow,
    /// Bytes that follow: the datagram from its first byte, cut short where it is longer than a record takes.
    pub length: u32,
}

const _: () = assert!(size_of::<Flow>() == 44);
const _: () = assert!(size_of::<SegmentHeader>() == 96);
const _: () = assert!(size_of::<DatagramHeader>() == 88);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_padding() {
        assert_eq!(size_of::<Flow>(), 16 + 16 + 4 + 2 + 2 + 2 + 1 + 1);
        let flow = size_of::<Header>() + size_of::<Flow>();
        assert_eq!(size_of::<SegmentHeader>(), flow + 4 + 4 + 4);
        assert_eq!(size_of::<DatagramHeader>(), flow + 4);
    }
}
