//! QUIC's Initial packets. Those of servers look alike from outside, and are handed up too.

use ebpf::{
    packet::{
        Packet, Skip,
        network::Network,
        udp::{self, INITIAL},
    },
    record::Hook,
};

use super::records;

/// Datagrams of one packet that are looked at, where it will be cut into several only later. A ClientHello takes two.
const DATAGRAMS: u32 = 4;

/// Looks at the UDP datagram, or datagrams, that the packet holds.
#[inline(always)]
pub fn look(packet: &impl Packet, network: &Network, interface: u32, hook: Hook) -> Result<(), Skip> {
    let found = udp::read(packet, network)?;
    let size = match packet.segment_size() {
        0 => found.length,
        size => size,
    };
    let mut done = 0;
    for _ in 0..DATAGRAMS {
        let left = found.length - done;
        let length = if left < size { left } else { size };
        if length < INITIAL {
            break;
        }
        let offset = found.payload + done;
        if !udp::is_initial(packet.load(offset).ok_or(Skip::Malformed)?) {
            break;
        }
        let flow = network.flow(&network.addresses(packet)?, found.ports, interface, hook);
        records::datagram(packet, &flow, offset, length);
        done += length;
    }
    Ok(())
}
