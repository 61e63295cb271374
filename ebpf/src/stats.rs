//! Counters that the agent reads when it is scraped: losses by fault, hits by probe.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use ebpf::{fault::Fault, function::HIT_SLOTS};

#[map]
static LOSSES: PerCpuArray<u64> = PerCpuArray::with_max_entries(Fault::SLOTS, 0);

#[map]
static HITS: PerCpuArray<u64> = PerCpuArray::with_max_entries(HIT_SLOTS, 0);

/// Counts a loss.
#[inline(always)]
pub fn lost(fault: Fault) {
    add(&LOSSES, fault as u32);
}

/// Counts a hit of the probe with this slot (`ebpf::function`).
#[inline(always)]
pub fn hit(slot: u32) {
    add(&HITS, slot);
}

#[inline(always)]
fn add(counters: &PerCpuArray<u64>, slot: u32) {
    if let Some(counter) = counters.get_ptr_mut(slot) {
        // SAFETY: the pointer comes from the map. A program can be preempted by another on its processor;
        // an increment that is lost that way costs one count of a statistic and nothing else.
        unsafe { *counter += 1 };
    }
}
