//! Makes records of the heads and frames that a walk finds.

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use ebpf::{
    fault::Fault,
    framing,
    record::{self, CHUNK, Content, DataHeader, END, Kind, SMALL_CHUNK, START},
};

use crate::{memory, ring, stats, walk::Context};

const FRAME_HEADER: usize = 9;

impl Context {
    /// Hands up the head's bytes that were not yet.
    #[inline(always)]
    pub fn hand_up_head(&mut self, end: u8) {
        let (walk, ..) = self.parts();
        let (from, count) = (walk.head, walk.position - walk.head);
        self.hand_up(Content::Http1Head, from, count, end);
    }

    /// Hands up `count` bytes of a frame's payload, or as many as a record takes, and its header before the
    /// first.
    #[inline(always)]
    pub fn frame(&mut self, count: u64) {
        let (walk, stream, _) = self.parts();
        let count = if count > (CHUNK - FRAME_HEADER) as u64 {
            (CHUNK - FRAME_HEADER) as u64
        } else {
            count
        };
        let end = if stream.remaining == count { END } else { 0 };
        self.hand_up(Content::Http2Frame, walk.position, count, end);
        stream.pass(count);
        walk.position += count;
    }

    #[inline(always)]
    fn hand_up(&mut self, content: Content, from: u64, count: u64, end: u8) {
        if count as usize <= SMALL_CHUNK - FRAME_HEADER {
            self.send::<SMALL_CHUNK>(content, from, count, end);
        } else {
            self.send::<CHUNK>(content, from, count, end);
        }
    }

    /// Makes a record with room for `N` bytes.
    #[inline(always)]
    fn send<const N: usize>(&mut self, content: Content, from: u64, count: u64, end: u8) {
        let (walk, stream, _) = self.parts();
        let sequence = stream.sequence;
        stream.sequence += 1;
        let start = if stream.begun == 0 { START } else { 0 };
        stream.begun = 1;
        let entered = if stream.flags & framing::RESYNCHRONISED == 0 {
            0
        } else {
            record::RESYNCHRONISED
        };
        let Some(mut entry) = ring::reserve::<Slot<N>>() else {
            return;
        };
        // SAFETY: the entry is this program's alone until it is submitted.
        let complete = unsafe {
            let slot = entry.as_mut_ptr();
            let mut to = (&raw mut (*slot).bytes).cast::<u8>();
            let mut length = 0;
            if content as u8 == Content::Http2Frame as u8 && start != 0 {
                to.cast::<[u8; FRAME_HEADER]>().write(stream.frame);
                to = to.add(FRAME_HEADER);
                length = FRAME_HEADER as u64;
            }
            let count = memory::clamp(count, (N - FRAME_HEADER) as u64);
            length += count;
            let size = size_of::<DataHeader>() as u64 + length;
            (&raw mut (*slot).header).write(DataHeader {
                header: ring::header(Kind::Data, size as u32, walk.id, walk.ssl, (*self.tracked).born),
                offset: stream.offset + from,
                sequence,
                length: length as u16,
                direction: walk.direction as u8,
                flags: start | end | entered,
                content: content as u8,
                reserved: [0; 3],
                entry: stream.entry,
            });
            bpf_probe_read_user(to.cast(), count as u32, (walk.buffer + from) as *const _) == 0
        };
        if complete {
            ring::submit(entry, ring::Urgency::Soon);
        } else {
            entry.discard(0);
            stats::lost(Fault::UserMemory);
        }
    }
}

/// A slot of the ring.
#[repr(C)]
struct Slot<const N: usize> {
    header: DataHeader,
    bytes: [u8; N],
}
