//! Offsets that the agent derived: per library image, and of the running kernel.

use core::ptr;

use aya_ebpf::{macros::map, maps::Array};
use ebpf::layout::{KernelLayout, Layout, MAX_LAYOUTS};

#[map]
static LAYOUTS: Array<Layout> = Array::with_max_entries(MAX_LAYOUTS, 0);

/// Set by the agent before the programs are loaded.
#[unsafe(no_mangle)]
static KERNEL: KernelLayout = KernelLayout::NOTHING;

/// The layout of the library in this slot.
#[inline(always)]
pub fn library(slot: u16) -> Option<&'static Layout> {
    LAYOUTS.get(u32::from(slot))
}

/// The running kernel's layout.
#[inline(always)]
pub fn kernel() -> &'static KernelLayout {
    // SAFETY: a static; the volatile read keeps the compiler from using the value it was compiled with.
    unsafe { &*ptr::read_volatile(&&raw const KERNEL) }
}
