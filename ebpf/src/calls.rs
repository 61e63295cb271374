//! Which TLS functions each thread is inside of.

use aya_ebpf::{bindings::BPF_ANY, macros::map, maps::LruHashMap};
use ebpf::{
    call::{Call, DEPTH, Thread, Walk},
    fault::Fault,
};

use crate::stats;

/// By `bpf_get_current_pid_tgid`. Entries outlive calls, so that a call costs one look-up and no insertion;
/// threads that are gone are the least recently used. One that is pushed out while inside a call shows as
/// [`Fault::EntryMissed`].
#[map]
static CALLS: LruHashMap<u64, Thread> = LruHashMap::with_max_entries(16_384, 0);

static IDLE: Thread = Thread::IDLE;

/// Notes that the thread entered a function.
#[inline(always)]
pub fn enter(id: u64, call: Call) {
    let Some(thread) = own(id) else { return };
    let mut depth = thread.depth;
    for _ in 0..DEPTH {
        if depth == 0 || depth > DEPTH as u64 {
            break;
        }
        let outer = &thread.calls[(depth as usize - 1) & (DEPTH - 1)];
        // The stack grows downwards, so a call that is still active lies above. At the same place, another
        // function is one that ended in a jump to this one, as SSL_connect does; the same function was left
        // without returning (longjmp, exceptions).
        if outer.stack > call.stack || outer.stack == call.stack && outer.function != call.function {
            break;
        }
        depth -= 1;
    }
    if depth >= DEPTH as u64 {
        stats::lost(Fault::CallsNested);
        depth = 0;
    }
    thread.calls[depth as usize & (DEPTH - 1)] = call;
    thread.depth = depth + 1;
}

/// What is kept of the thread.
#[inline(always)]
pub fn own(id: u64) -> Option<&'static mut Thread> {
    let Some(thread) = find(id).or_else(|| insert(id)) else {
        stats::lost(Fault::CallsFull);
        return None;
    };
    // SAFETY: the pointer comes from the map; the entry belongs to this thread.
    Some(unsafe { &mut *thread })
}

/// Takes the call that returned to this stack pointer, and lends the thread's room for walking its data; `None` if its
/// entry was not seen.
#[inline(always)]
pub fn leave(id: u64, stack: u64) -> Option<(Call, *mut Walk)> {
    // SAFETY: as above.
    let thread = find(id).map(|thread| unsafe { &mut *thread });
    if let Some(thread) = thread {
        for back in 0..DEPTH {
            let index = DEPTH - 1 - back;
            // The return address has been popped.
            if (index as u64) < thread.depth && thread.calls[index].stack + 8 == stack {
                thread.depth = index as u64;
                return Some((thread.calls[index], &raw mut thread.walk));
            }
        }
    }
    None
}

/// The innermost call that the thread is inside of.
#[inline(always)]
pub fn current(id: u64) -> Option<&'static mut Call> {
    // SAFETY: as above.
    innermost(unsafe { &mut *find(id)? })
}

/// The innermost call that a thread is inside of.
#[inline(always)]
pub fn innermost(thread: &mut Thread) -> Option<&mut Call> {
    if thread.depth == 0 {
        return None;
    }
    Some(&mut thread.calls[(thread.depth as usize - 1) & (DEPTH - 1)])
}

#[inline(always)]
fn find(id: u64) -> Option<*mut Thread> {
    CALLS.get_ptr_mut(&id)
}

#[inline(always)]
fn insert(id: u64) -> Option<*mut Thread> {
    CALLS.insert(&id, &IDLE, u64::from(BPF_ANY)).ok()?;
    find(id)
}
