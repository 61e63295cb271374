//! The ring buffer that carries parts of packets to the agent: one of its own, so that a flood of packets cannot push
//! out what is known of connections.

use core::ffi::c_void;

use aya_ebpf::{
    helpers::generated::bpf_loop,
    macros::map,
    maps::{RingBuf, ring_buf::RingBufEntry},
};
use ebpf::{
    fault::Fault,
    packet::Packet,
    record::{DatagramHeader, Flow, Kind, SegmentHeader},
};

use crate::{memory, ring, stats};

/// Resized by the agent before the programs are loaded.
#[map]
static WIRE: RingBuf = RingBuf::with_byte_size(1 << 22, 0);

/// Bytes that a record takes where they are few: all of a ClientHello without post-quantum key shares.
const SMALL: usize = 640;
/// Bytes that a record takes at most: a packet of Ethernet's usual size, or a ClientHello with such shares.
const LARGE: usize = 2048;
/// Records that one packet can take: those of the largest ClientHello that is followed.
const RECORDS: u32 = 32;

/// Part of a packet's payload, in its TCP stream.
#[derive(Clone, Copy)]
pub struct Piece {
    /// Sequence number at which the ClientHello begins.
    pub first: u32,
    /// Sequence number of the piece's first byte.
    pub sequence: u32,
    /// Where in the packet it begins.
    pub offset: u32,
    /// Bytes of it.
    pub count: u32,
}

/// Hands up a piece, in several records where it is too long for one.
#[inline(always)]
pub fn segment<P: Packet>(packet: &P, flow: &Flow, piece: Piece) {
    if piece.count <= SMALL as u32 {
        send::<SMALL>(packet, flow, &piece);
        return;
    }
    let mut left = Left { packet, flow, piece };
    // SAFETY: `next` has the signature that the helper wants, and what it is given outlives the call.
    unsafe { bpf_loop(RECORDS, next::<P> as *mut c_void, (&raw mut left).cast(), 0) };
}

/// What is still to be handed up.
struct Left<'a, P> {
    packet: &'a P,
    flow: &'a Flow,
    piece: Piece,
}

/// Hands up the next record's part: `long (*callback_fn)(u32 index, void *ctx)`; 1 ends the loop. A loop in the
/// program itself would be followed once for each turn.
extern "C" fn next<P: Packet>(_index: u32, left: *mut c_void) -> i64 {
    // SAFETY: the helper passes on what `segment` gave it.
    let left = unsafe { &mut *left.cast::<Left<'_, P>>() };
    let done = send::<LARGE>(left.packet, left.flow, &left.piece);
    let piece = &mut left.piece;
    piece.sequence = piece.sequence.wrapping_add(done);
    piece.offset += done;
    piece.count -= done;
    i64::from(piece.count == 0)
}

/// Makes a record with room for `N` bytes, and tells how many it took.
#[inline(always)]
fn send<const N: usize>(packet: &impl Packet, flow: &Flow, piece: &Piece) -> u32 {
    let count = memory::clamp(u64::from(piece.count), N as u64) as u32;
    let Some(mut entry) = reserve::<Slot<SegmentHeader, N>>() else {
        return count;
    };
    // SAFETY: the entry is this program's alone until it is submitted.
    unsafe {
        let slot = entry.as_mut_ptr();
        let header = &raw mut (*slot).header;
        let size = size_of::<SegmentHeader>() as u32 + count;
        ring::write_header(&raw mut (*header).header, Kind::Segment, size);
        (&raw mut (*header).flow).write(*flow);
        (&raw mut (*header).first).write(piece.first);
        (&raw mut (*header).sequence).write(piece.sequence);
        (&raw mut (*header).length).write(count);
        fill(
            packet,
            (&raw mut (*slot).bytes).cast(),
            entry,
            piece.offset,
            count,
        );
    }
    count
}

/// Hands up a datagram of `length` bytes at `offset` of the packet.
#[inline(always)]
pub fn datagram(packet: &impl Packet, flow: &Flow, offset: u32, length: u32) {
    let count = memory::clamp(u64::from(length), LARGE as u64) as u32;
    let Some(mut entry) = reserve::<Slot<DatagramHeader, LARGE>>() else {
        return;
    };
    // SAFETY: as above.
    unsafe {
        let slot = entry.as_mut_ptr();
        let header = &raw mut (*slot).header;
        let size = size_of::<DatagramHeader>() as u32 + count;
        ring::write_header(&raw mut (*header).header, Kind::Datagram, size);
        (&raw mut (*header).flow).write(*flow);
        (&raw mut (*header).length).write(count);
        fill(packet, (&raw mut (*slot).bytes).cast(), entry, offset, count);
    }
}

/// A slot of the ring.
#[repr(C)]
struct Slot<H, const N: usize> {
    header: H,
    bytes: [u8; N],
}

#[inline(always)]
fn reserve<T: 'static>() -> Option<RingBufEntry<T>> {
    let entry = WIRE.reserve::<T>(0);
    if entry.is_none() {
        stats::lost(Fault::WireFull);
    }
    entry
}

/// Copies a record's bytes and hands it up.
///
/// # Safety
/// `to` must lie in the entry, with room for `count` bytes.
#[inline(always)]
unsafe fn fill<T: 'static>(
    packet: &impl Packet,
    to: *mut u8,
    entry: RingBufEntry<T>,
    offset: u32,
    count: u32,
) {
    // The verifier does not let a helper copy nothing.
    // SAFETY: the caller vouches for `to`.
    if count > 0 && unsafe { packet.copy(offset, to, count) } {
        entry.submit(ring::wake(&WIRE, ring::Urgency::Soon));
    } else {
        entry.discard(0);
    }
}
