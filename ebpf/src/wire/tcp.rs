//! ClientHellos in TCP streams.

use core::ptr;

use aya_ebpf::{helpers::generated::bpf_jiffies64, macros::map, maps::Array};
use ebpf::{
    fault::Fault,
    hello::{
        follow::{self, Ended, Followed, SETS, Set, WAYS},
        front,
        start::START,
    },
    packet::{
        Packet, Skip,
        network::Network,
        tcp::{self, Segment},
    },
    record::{Flow, Hook},
};

use super::records::{self, Piece};
use crate::{memory, stats};

#[map]
static FLOWS: Array<Set> = Array::with_max_entries(SETS, 0);

/// Set by the agent before the programs are loaded, to a random number: nobody outside knows which flows share a set.
#[unsafe(no_mangle)]
static FLOW_SEED: u64 = 0;

/// Looks at the TCP segment that the packet holds.
#[inline(always)]
pub fn look(packet: &impl Packet, network: &Network, interface: u32, hook: Hook) -> Result<(), Skip> {
    let mut segment = tcp::read(packet, network)?;
    let addresses = network.addresses(packet)?;
    // SAFETY: a static; the volatile read keeps the compiler from using the value it was compiled with.
    let seed = unsafe { ptr::read_volatile(&raw const FLOW_SEED) };
    let place = u64::from(interface) << 8 | hook as u64;
    let hash = follow::hash(&addresses, segment.ports, network.v6, place, seed);
    let tag = follow::tag(hash);
    let set = FLOWS.get_ptr_mut(follow::set(hash)).ok_or(Skip::Other)?;
    // SAFETY: the pointer comes from the map.
    let set = unsafe { &mut *set };
    let mut way = set.find(tag, segment.sequence);
    let followed = way != WAYS;
    if segment.opens {
        if !followed {
            way = begin(set, tag, segment.sequence);
        }
    } else if !followed || set.ways[way & (WAYS - 1)].identity as u32 == segment.sequence {
        match front::before_hello(packet, segment.payload, segment.length) {
            // A stream that begins with a hello is followed already.
            Some(0) if followed => {}
            Some(before) => {
                segment.payload += before;
                segment.length -= before;
                segment.sequence = segment.sequence.wrapping_add(before);
                way = begin(set, tag, segment.sequence);
            }
            None if followed => {}
            None => return Err(Skip::Other),
        }
    }
    let way = packet.forgotten(way as u32) as usize;
    if segment.length > 0 {
        let flow = network.flow(&addresses, segment.ports, interface, hook);
        take(packet, &flow, &segment, &mut set.ways[way & (WAYS - 1)]);
    }
    Ok(())
}

#[inline(always)]
fn begin(set: &mut Set, tag: u32, first: u32) -> usize {
    // SAFETY: the helper has no preconditions.
    let now = unsafe { bpf_jiffies64() };
    let (way, evicts) = set.room(tag, now);
    if evicts {
        stats::lost(Fault::FlowsFull);
    }
    set.ways[way & (WAYS - 1)] = Followed::new(tag, first, now);
    way
}

#[inline(always)]
fn take(packet: &impl Packet, flow: &Flow, segment: &Segment, followed: &mut Followed) {
    let first = followed.identity as u32;
    let offset = segment.sequence.wrapping_sub(first);
    let mut bytes = [0; START];
    let mut known = 0;
    if offset < START as u32 {
        known = memory::clamp(u64::from(segment.length), START as u64) as u32;
        // SAFETY: there is room for START bytes.
        if known == 0 || !unsafe { packet.copy(segment.payload, bytes.as_mut_ptr(), known) } {
            return;
        }
    }
    let segment = &Segment {
        payload: packet.forgotten(segment.payload),
        length: packet.forgotten(segment.length),
        ..*segment
    };
    let part = followed.take(offset, segment.length, &bytes, known);
    if part.count > 0 {
        let piece = Piece {
            first,
            sequence: segment.sequence,
            offset: segment.payload,
            count: part.count,
        };
        records::segment(packet, flow, piece);
    }
    match part.ended {
        None => return,
        Some(Ended::TooLong) => stats::lost(Fault::HelloTooLong),
        Some(Ended::Scattered) => stats::lost(Fault::HelloScattered),
        Some(Ended::Complete | Ended::Other) => {}
    }
    followed.identity = 0;
}
