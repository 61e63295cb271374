//! Packets: finds ClientHellos in them and hands those up. Every packet goes on its way, whatever is in it.

pub mod frame;
mod records;
mod tcp;
mod udp;

use ebpf::{
    fault::Fault,
    packet::{Packet, Skip, link, network},
    record::Hook,
};

use crate::stats;

/// Looks through one packet.
#[inline(always)]
pub fn inspect(packet: &impl Packet, interface: u32, hook: Hook) {
    match look(packet, interface, hook) {
        Err(Skip::Fragment) => stats::lost(Fault::Fragment),
        Err(Skip::Deep) => stats::lost(Fault::HeadersDeep),
        Ok(()) | Err(Skip::Other | Skip::Malformed) => {}
    }
}

#[inline(always)]
fn look(packet: &impl Packet, interface: u32, hook: Hook) -> Result<(), Skip> {
    let (kind, offset) = link::read(packet)?;
    let mut network = network::read(packet, kind, offset)?;
    network.addresses = packet.forgotten(network.addresses);
    network.transport = packet.forgotten(network.transport);
    network.end = packet.forgotten(network.end);
    match network.protocol {
        network::TCP => tcp::look(packet, &network, interface, hook),
        network::UDP => udp::look(packet, &network, interface, hook),
        _ => Err(Skip::Other),
    }
}
