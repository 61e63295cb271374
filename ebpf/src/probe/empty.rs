//! Programs that do nothing: what a probe costs before it has done anything, for benchmarks.

use aya_ebpf::{
    macros::{uprobe, uretprobe},
    programs::{ProbeContext, RetProbeContext},
};

/// At an entry.
#[uprobe]
pub fn empty_entry(_context: ProbeContext) -> u32 {
    0
}

/// At a return.
#[uretprobe]
pub fn empty_return(_context: RetProbeContext) -> u32 {
    0
}
