//! Walks the application data of one call: steps over bodies, and hands up heads and frames.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_loop;
use ebpf::{
    call::{WINDOW, Walk},
    connection::Tracked,
    fault::Fault,
    framing::{Plan, Step, Stream, http1::Requests, http2, leap, step},
    record::{CHUNK, END},
};

use crate::{memory, stats};

/// Turns that one call may take: half the octets of the largest TLS record, since a chunk takes two.
const TURNS: u32 = 8192;
/// No head is being collected.
pub const NONE: u64 = u64::MAX;

/// What the loops hand to their bodies. Everything that changes is in maps: of numbers on the stack the
/// verifier keeps track, and would follow the framing once for each combination of them.
pub struct Context {
    pub tracked: *mut Tracked,
    walk: *mut Walk,
}

/// Walks the data that `walk` describes.
#[inline(always)]
pub fn walk(tracked: *mut Tracked, walk: *mut Walk) {
    let mut context = Context { tracked, walk };
    let (walk, stream, _) = context.parts();
    let (buffer, length) = (walk.buffer, walk.length);
    // SAFETY: the pointer comes from the map.
    let protocol = unsafe { (*tracked).framing.protocol };
    stream.begin_call(protocol, length, |at| memory::user(buffer + at));
    if stream.in_head() {
        walk.head = 0;
    }
    // SAFETY: `turn` has the signature that the helper wants, and the context outlives the call.
    unsafe { bpf_loop(TURNS, turn as *mut c_void, (&raw mut context).cast(), 0) };
    let (walk, stream, _) = context.parts();
    if walk.position < walk.length {
        stats::lost(Fault::CallTooLong);
        stream.give_up();
    } else if walk.head != NONE {
        context.hand_up_head(0);
    }
    stream.offset += walk.length;
}

/// One turn: `long (*callback_fn)(u32 index, void *ctx)`; 1 ends the loop.
extern "C" fn turn(_index: u32, context: *mut c_void) -> i64 {
    // SAFETY: the helper passes on what `walk` gave it.
    let context = unsafe { &mut *context.cast::<Context>() };
    let (walk, stream, requests) = context.parts();
    if walk.position >= walk.length {
        return 1;
    }
    let left = walk.length - walk.position;
    match stream.plan(requests) {
        Plan::Ignore => walk.position = walk.length,
        Plan::Skip(count) => {
            let count = if count < left { count } else { left };
            stream.pass(count);
            walk.position += count;
        }
        Plan::Copy(count) => context.frame(if count < left { count } else { left }),
        Plan::Step if left >= size_of::<http2::Header>() as u64 && stream.at_frame_header() => {
            context.header()
        }
        Plan::Step => context.look(left),
    }
    let (walk, ..) = context.parts();
    i64::from(walk.position >= walk.length)
}

const NEXT: u64 = Step::Next as u64;
const TURN: u64 = Step::Turn as u64;
const HEAD_START: u64 = Step::HeadStart as u64;
const HEAD_END: u64 = Step::HeadEnd as u64;
const FRAME_END: u64 = Step::FrameEnd as u64;
const NOT_HEAD: u64 = Step::NotHead as u64;
const BROKEN: u64 = Step::Broken as u64;

/// Bytes, or those that can be taken together, that one call of `feed` takes. Each call ends with a return, which
/// processors that are told not to predict it take longer for than for a byte.
const AT_ONCE: usize = 4;
/// Calls of `feed` that take a whole window byte by byte.
const FEEDS: u32 = (WINDOW / AT_ONCE) as u32;

/// Feeds the next bytes of the window: `long (*callback_fn)(u32 index, void *ctx)`. A loop over all of them in the
/// program itself would multiply the framing's branches by the bytes of the window, and no verifier follows that.
extern "C" fn feed(_index: u32, context: *mut c_void) -> i64 {
    // SAFETY: the helper passes on what `look` gave it.
    let context = unsafe { &mut *context.cast::<Context>() };
    for _ in 0..AT_ONCE {
        if !context.take() {
            return 1;
        }
    }
    0
}

impl Context {
    /// The call, the direction and the connection that the data belongs to.
    #[inline(always)]
    pub fn parts(&self) -> (&'static mut Walk, &'static mut Stream, &'static mut Requests) {
        // SAFETY: the pointers come from maps; the walk is the thread's own, and a connection is used by one
        // thread at a time.
        unsafe {
            let walk = &mut *self.walk;
            let framing = &mut (*self.tracked).framing;
            let direction = walk.direction as usize & 1;
            (walk, &mut framing.streams[direction], &mut framing.requests)
        }
    }

    /// Feeds the next bytes of the window to the framing; `false` if there are none, or something happened.
    #[inline(always)]
    fn take(&mut self) -> bool {
        let (walk, stream, requests) = self.parts();
        let at = walk.used;
        if at >= walk.count {
            return false;
        }
        // The mask changes nothing; it is the bound that the verifier asks for.
        let word = (at / 8) as usize & (WINDOW / 8 - 1);
        let (low, high) = (walk.window[word], walk.window[word + 1]);
        let shift = at % 8 * 8;
        // Two shifts, since one by 64 is none.
        let bytes = low >> shift | high << 1 << (63 - shift);
        let left = walk.count - at;
        let taken = leap(stream, bytes, if left < 8 { left } else { 8 });
        if taken > 0 {
            walk.used = at + taken;
            walk.found = NEXT;
            return true;
        }
        let found = step(stream, requests, bytes as u8) as u64;
        walk.used = at + 1;
        if found == HEAD_START {
            walk.head = walk.position + at;
            walk.found = NEXT;
            return true;
        }
        walk.found = found;
        found == NEXT
    }

    /// Feeds the next bytes to the framing until something happens.
    #[inline(always)]
    fn look(&mut self, left: u64) {
        let (walk, stream, _) = self.parts();
        walk.count = memory::clamp(left, WINDOW as u64);
        walk.used = 0;
        let from = walk.buffer + walk.position;
        // SAFETY: the window has WINDOW bytes.
        if !unsafe { memory::copy_user::<WINDOW>(walk.window.as_mut_ptr().cast(), from, walk.count) } {
            self.unreadable();
            return;
        }
        // SAFETY: `feed` has the signature that the helper wants, and `self` outlives the call.
        unsafe { bpf_loop(FEEDS, feed as *mut c_void, (&raw mut *self).cast(), 0) };
        let start = walk.position;
        walk.position = start + walk.used;
        match walk.found {
            NEXT if walk.head != NONE && walk.position - walk.head > (CHUNK - WINDOW) as u64 => {
                self.hand_up_head(0);
                walk.head = walk.position;
            }
            NEXT | TURN => {}
            HEAD_END => {
                self.hand_up_head(END);
                walk.head = NONE;
            }
            FRAME_END if stream.remaining == 0 => self.frame(0),
            FRAME_END => {}
            NOT_HEAD => walk.head = NONE,
            found => {
                lost(found);
                walk.head = NONE;
            }
        }
    }

    /// Takes a frame header that the call's data holds whole.
    #[inline(always)]
    fn header(&mut self) {
        let (walk, stream, _) = self.parts();
        let Some(header) = memory::user::<http2::Header>(walk.buffer + walk.position) else {
            self.unreadable();
            return;
        };
        walk.position += size_of::<http2::Header>() as u64;
        match http2::header(stream, header) as u64 {
            FRAME_END if stream.remaining == 0 => self.frame(0),
            FRAME_END | TURN | NOT_HEAD => {}
            found => lost(found),
        }
    }

    /// Gives the direction up, since its data cannot be read.
    #[inline(always)]
    fn unreadable(&mut self) {
        let (walk, stream, _) = self.parts();
        stats::lost(Fault::UserMemory);
        stream.sequence += 1;
        stream.give_up();
        walk.head = NONE;
        walk.position = walk.length;
    }
}

/// Counts what broke the framing.
#[inline(always)]
fn lost(found: u64) {
    stats::lost(if found == BROKEN {
        Fault::Framing
    } else {
        Fault::Pipeline
    });
}
