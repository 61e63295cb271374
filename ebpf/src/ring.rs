//! The ring buffer that carries records to the agent.
//!
//! Records are written where they will be read: a per-processor scratch buffer would be overwritten when one
//! program preempts another on its processor.
//!
//! Waking the reader costs tens of microseconds, far more than all else a program does, and it is the observed
//! process that pays. So records lie until the reader comes by, which it does many times a second; it is woken for
//! what it must know at once, and when the ring fills.

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::bpf_ktime_get_boot_ns,
    macros::map,
    maps::{RingBuf, ring_buf::RingBufEntry},
};
use ebpf::{
    fault::Fault,
    record::{Header, Kind},
};

use crate::stats;

/// Resized by the agent before the programs are loaded.
#[map]
static RECORDS: RingBuf = RingBuf::with_byte_size(1 << 23, 0);

/// Bytes that may lie in the ring before the reader is woken. The agent's smallest ring is eight times as large.
const WAKE_AT: u64 = 1 << 20;
/// More than any record takes: only the record that passes [`WAKE_AT`] wakes the reader.
const LARGEST: u64 = 8192;

/// When a record should reach the agent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// When the agent comes by.
    Soon,
    /// At once.
    Now,
}

/// Hands a record up.
#[inline(always)]
pub fn submit<T: 'static>(entry: RingBufEntry<T>, urgency: Urgency) {
    entry.submit(wake(&RECORDS, urgency));
}

/// The flag that lets a ring's reader sleep, or wakes it.
#[inline(always)]
pub fn wake(ring: &RingBuf, urgency: Urgency) -> u64 {
    u64::from(match urgency {
        Urgency::Now => BPF_RB_FORCE_WAKEUP,
        Urgency::Soon => {
            let waiting = ring.query(u64::from(BPF_RB_AVAIL_DATA));
            if waiting >= WAKE_AT && waiting < WAKE_AT + LARGEST {
                BPF_RB_FORCE_WAKEUP
            } else {
                BPF_RB_NO_WAKEUP
            }
        }
    })
}

/// A slot for a record, or a counted loss.
#[inline(always)]
pub fn reserve<T: 'static>() -> Option<RingBufEntry<T>> {
    let entry = RECORDS.reserve::<T>(0);
    if entry.is_none() {
        stats::lost(Fault::RingFull);
    }
    entry
}

/// Nanoseconds of `CLOCK_BOOTTIME`.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// Sends a record that is nothing but a header.
#[inline(always)]
pub fn send_header(kind: Kind, urgency: Urgency, id: u64) {
    let Some(mut slot) = reserve::<Header>() else {
        return;
    };
    slot.write(header(kind, size_of::<Header>() as u32, id, 0, 0));
    submit(slot, urgency);
}

/// Writes the header of a record that belongs to no process, field by field: of so many zeros in a row the compiler
/// would make a call that writes them one by one, and the verifier would follow that.
///
/// # Safety
/// `to` must be valid for writes.
#[inline(always)]
pub unsafe fn write_header(to: *mut Header, kind: Kind, size: u32) {
    // SAFETY: the caller vouches for `to`.
    unsafe {
        (&raw mut (*to).kind).write_volatile(kind as u32);
        (&raw mut (*to).size).write_volatile(size);
        (&raw mut (*to).time).write_volatile(now());
        (&raw mut (*to).tgid).write_volatile(0);
        (&raw mut (*to).tid).write_volatile(0);
        (&raw mut (*to).ssl).write_volatile(0);
        (&raw mut (*to).born).write_volatile(0);
    }
}

/// A header; `id` is what `bpf_get_current_pid_tgid` gave.
#[inline(always)]
pub fn header(kind: Kind, size: u32, id: u64, ssl: u64, born: u64) -> Header {
    Header {
        kind: kind as u32,
        size,
        time: now(),
        tgid: (id >> 32) as u32,
        tid: id as u32,
        ssl,
        born,
    }
}
