//! Walks the application data of one call: steps over bodies, and hands up heads and frames.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_loop;
use ebpf::{
    connection::{Key, Tracked},
    fault::Fault,
    framing::{Plan, Step, step},
    record::{CHUNK, Content, DataHeader, Direction, END, Kind, RESYNCHRONISED as RECORD_RESYNCHRONISED, SMALL_CHUNK, START},
};
use ebpf::framing::RESYNCHRONISED;

use crate::{memory, ring, stats};

/// Bytes that are looked at in one turn: what fits the stack of nested programs.
const WINDOW: usize = 64;
/// Turns that one call may take: half of the largest TLS record, since a chunk takes two.
const TURNS: u32 = 8192;
/// No head is being collected.
const NONE: u64 = u64::MAX;
const FRAME_HEADER: usize = 9;

/// One call's data and how far it was walked.
struct Walk {
    tracked: *mut Tracked,
    key: Key,
    id: u64,
    /// The application's buffer.
    buffer: u64,
    length: u64,
    position: u64,
    /// Where in the buffer the part of a head begins that was not handed up; [`NONE`].
    head: u64,
    direction: u64,
}

/// Walks `length` bytes at `buffer`.
#[inline(always)]
pub fn walk(tracked: *mut Tracked, key: Key, id: u64, buffer: u64, length: u64, direction: Direction) {
    let mut walk = Walk { tracked, key, id, buffer, length, position: 0, head: NONE, direction: direction as u64 };
    let stream = walk.stream();
    stream.begin_call();
    if stream.in_head() {
        walk.head = 0;
    }
    // SAFETY: `turn` has the signature that the helper wants, and `walk` outlives the call.
    unsafe { bpf_loop(TURNS, turn as *mut c_void, (&raw mut walk).cast(), 0) };
    if walk.position < length {
        stats::lost(Fault::CallTooLong);
        walk.stream().give_up();
    } else if walk.head != NONE {
        walk.hand_up_head(0);
    }
    walk.stream().offset += length;
}

/// One turn: `long (*callback_fn)(u32 index, void *ctx)`; 1 ends the loop.
extern "C" fn turn(_index: u32, context: *mut c_void) -> i64 {
    // SAFETY: the helper passes on what `walk` gave it.
    let walk = unsafe { &mut *context.cast::<Walk>() };
    if walk.position >= walk.length {
        return 1;
    }
    let left = walk.length - walk.position;
    // SAFETY: the pointer comes from the map.
    let requests = unsafe { &mut (*walk.tracked).framing.requests };
    match walk.stream().plan(requests) {
        Plan::Ignore => walk.position = walk.length,
        Plan::Skip(count) => {
            let count = if count < left { count } else { left };
            walk.stream().pass(count);
            walk.position += count;
        }
        Plan::Copy(count) => walk.frame(if count < left { count } else { left }),
        Plan::Step => walk.look(left),
    }
    0
}

impl Walk {
    #[inline(always)]
    fn stream(&self) -> &'static mut ebpf::framing::Stream {
        // SAFETY: the pointer comes from the map, and a connection is used by one thread at a time.
        unsafe { &mut (*self.tracked).framing.streams[self.direction as usize & 1] }
    }

    /// Feeds the next bytes to the framing until something happens.
    #[inline(always)]
    fn look(&mut self, left: u64) {
        let mut window = [0_u8; WINDOW];
        let count = memory::clamp(left, WINDOW as u64);
        // SAFETY: the window has WINDOW bytes.
        if !unsafe { memory::copy_user::<WINDOW>(window.as_mut_ptr(), self.buffer + self.position, count) } {
            stats::lost(Fault::UserMemory);
            self.head = NONE;
            self.stream().sequence += 1;
            self.stream().give_up();
            self.position = self.length;
            return;
        }
        // SAFETY: as above.
        let requests = unsafe { &mut (*self.tracked).framing.requests };
        let stream = self.stream();
        let mut used = 0;
        let mut found = Step::Next;
        for (index, byte) in window.iter().enumerate() {
            if index as u64 >= count {
                break;
            }
            found = step(stream, requests, *byte);
            used = index as u64 + 1;
            if found != Step::Next {
                break;
            }
        }
        let start = self.position;
        self.position += used;
        match found {
            Step::Next => {
                if self.head != NONE && self.position - self.head > (CHUNK - WINDOW) as u64 {
                    self.hand_up_head(0);
                    self.head = self.position;
                }
            }
            Step::Turn => {}
            Step::HeadStart => self.head = start + used - 1,
            Step::HeadEnd => {
                self.hand_up_head(END);
                self.head = NONE;
            }
            Step::FrameEnd => {
                if self.stream().remaining == 0 {
                    self.frame(0);
                }
            }
            Step::NotHead => self.head = NONE,
            Step::Broken => {
                stats::lost(Fault::Framing);
                self.head = NONE;
            }
            Step::Crowded => {
                stats::lost(Fault::Pipeline);
                self.head = NONE;
            }
        }
    }

    /// Hands up the head's bytes from `head` to `position`.
    #[inline(always)]
    fn hand_up_head(&mut self, end: u8) {
        let (from, count) = (self.head, self.position - self.head);
        self.hand_up(Content::Http1Head, from, count, end);
    }

    /// Hands up `count` bytes of a frame's payload, or as many as a record takes, and its header before the
    /// first.
    #[inline(always)]
    fn frame(&mut self, count: u64) {
        let count = if count > (CHUNK - FRAME_HEADER) as u64 { (CHUNK - FRAME_HEADER) as u64 } else { count };
        let end = if self.stream().remaining == count { END } else { 0 };
        self.hand_up(Content::Http2Frame, self.position, count, end);
        self.stream().pass(count);
        self.position += count;
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
        let stream = self.stream();
        let sequence = stream.sequence;
        stream.sequence += 1;
        let start = if stream.begun == 0 { START } else { 0 };
        stream.begun = 1;
        let resynchronised = if stream.flags & RESYNCHRONISED == 0 { 0 } else { RECORD_RESYNCHRONISED };
        let Some(mut entry) = ring::reserve::<Slot<N>>() else { return };
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
            (&raw mut (*slot).header).write(DataHeader {
                header: ring::header(
                    Kind::Data,
                    (size_of::<DataHeader>() as u64 + length) as u32,
                    self.id,
                    self.key.ssl,
                    (*self.tracked).born,
                ),
                offset: stream.offset + from,
                sequence,
                length: length as u16,
                direction: self.direction as u8,
                flags: start | end | resynchronised,
                content: content as u8,
                reserved: [0; 7],
            });
            aya_ebpf::helpers::generated::bpf_probe_read_user(to.cast(), count as u32, (self.buffer + from) as *const _) == 0
        };
        if complete {
            entry.submit(0);
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
