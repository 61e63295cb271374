//! The ring buffer that carries records to the agent.
//!
//! Records are written where they will be read: a per-processor scratch buffer would be overwritten when one
//! program preempts another on its processor.

use aya_ebpf::{
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
pub fn send_header(kind: Kind, id: u64, ssl: u64, born: u64) {
    let Some(mut slot) = reserve::<Header>() else {
        return;
    };
    slot.write(header(kind, size_of::<Header>() as u32, id, ssl, born));
    slot.submit(0);
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
