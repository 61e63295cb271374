//! Where functions seem to begin that no table states: where direct calls lead.

use super::functions::{Bounds, Function};
use super::{Architecture, Program};

/// How far from the places of interest functions are looked for, in bytes.
const AROUND: u64 = 256 << 10;
/// Compilers let functions begin at multiples of this.
const ALIGNMENT: u64 = 16;
/// Longest function that is believed. What lies behind is not looked at.
const LONGEST: u64 = 32 << 10;

/// Functions near some addresses, sorted by their start.
pub(super) fn around(program: &Program, architecture: &dyn Architecture, places: &[u64]) -> Vec<Function> {
    let (Some(first), Some(last)) = (places.iter().min(), places.iter().max()) else {
        return Vec::new();
    };
    let window = first.saturating_sub(AROUND)..last.saturating_add(AROUND);
    let near = |target: u64| {
        let after = places.partition_point(|&place| place < target.saturating_sub(AROUND));
        places
            .get(after)
            .is_some_and(|&place| place < target.saturating_add(AROUND))
    };
    let wanted =
        |_: u64, target: u64| target.is_multiple_of(ALIGNMENT) && window.contains(&target) && near(target);
    let mut starts: Vec<u64> = architecture
        .calls(program, &wanted)
        .into_iter()
        .map(|(_, target)| target)
        .collect();
    starts.sort_unstable();
    starts.dedup();
    starts.retain(|&start| program.is_code(start) && architecture.may_begin(program, start));
    let ends = starts.iter().skip(1).copied().chain([u64::MAX]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| Function {
            start,
            end: end.min(start.saturating_add(LONGEST)),
            bounds: Bounds::Assumed,
        })
        .collect()
}
