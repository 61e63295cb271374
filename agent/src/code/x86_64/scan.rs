//! Looking for instructions without decoding: by the bytes that they must contain. What is found are candidates, as
//! the bytes may belong to something else.

use std::ops::Range;

use memchr::memchr_iter;
use memchr::memmem::Finder;

use super::LONGEST;
use crate::code::{Program, chunks};

/// Candidates that are kept. A library names its own file a few hundred times.
const LIMIT: usize = 1 << 16;
/// Ranges of addresses longer than this are not looked for as plain numbers: too much looks like them.
const LONGEST_RANGE: u64 = 1 << 16;

/// `lea` with an address relative to the next instruction.
const LEA: u8 = 0x8d;
/// `call` with such an address.
const CALL: u8 = 0xe8;

/// Sites that seem to name an address in one of the ranges.
pub(super) fn references(program: &Program, ranges: &[Range<u64>]) -> Vec<u64> {
    let Some(hull) = hull(ranges) else {
        return Vec::new();
    };
    let wanted =
        |address: u64| hull.contains(&address) && ranges.iter().any(|range| range.contains(&address));
    let mut sites = Vec::new();
    each_piece(program, |address, bytes| {
        for position in memchr_iter(LEA, bytes) {
            let Some(&[mode, a, b, c, d]) = bytes.get(position + 1..position + 6) else {
                continue;
            };
            // No base but the instruction's own address.
            if mode & 0xc7 != 0x05 {
                continue;
            }
            let next = address.wrapping_add(position as u64 + 6);
            if wanted(relative(next, [a, b, c, d])) && sites.len() < LIMIT {
                sites.push(address + position as u64);
            }
        }
        if program.is_fixed() {
            for range in ranges {
                numbers(address, bytes, range, &mut sites);
            }
        }
    });
    settled(sites)
}

/// Direct calls of what is wanted, as site and target.
pub(super) fn calls(program: &Program, wanted: &dyn Fn(u64, u64) -> bool) -> Vec<(u64, u64)> {
    let mut calls = Vec::new();
    each_piece(program, |address, bytes| {
        for position in memchr_iter(CALL, bytes) {
            let Some(&[a, b, c, d]) = bytes.get(position + 1..position + 5) else {
                continue;
            };
            let site = address.wrapping_add(position as u64);
            let target = relative(site.wrapping_add(5), [a, b, c, d]);
            if wanted(site, target) && calls.len() < LIMIT {
                calls.push((site, target));
            }
        }
    });
    settled(calls)
}

/// Whether what stands before an address is padding, or ends what ran there.
pub(super) fn may_begin(program: &Program, address: u64) -> bool {
    let mut before = [0; 5];
    let Some(start) = address.checked_sub(before.len() as u64) else {
        return false;
    };
    if program.bytes(start, &mut before) < before.len() {
        return false;
    }
    matches!(
        before,
        // `int3`, `nop`, `ret`
        [.., 0xcc | 0x90 | 0xc3]
            // The longer forms of `nop`
            | [.., 0x0f, 0x1f, 0x00]
            | [.., 0x0f, 0x1f, 0x40, 0x00]
            | [0x0f, 0x1f, 0x44, 0x00, 0x00]
            | [0x80 | 0x84, .., 0x00, 0x00, 0x00]
            | [_, 0x00, 0x00, 0x00, 0x00]
            // `ud2`, and jumps
            | [.., 0x0f, 0x0b]
            | [.., 0xeb, _]
            // Long jumps, and calls that do not return
            | [0xe9 | CALL, ..]
    )
}

/// Places of 32-bit numbers in a range, as code has them that runs at fixed addresses.
fn numbers(address: u64, bytes: &[u8], range: &Range<u64>, sites: &mut Vec<u64>) {
    if range.is_empty() || range.end > u64::from(u32::MAX) || range.end - range.start > LONGEST_RANGE {
        return;
    }
    // The upper halves of the numbers are one or two different ones.
    for upper in range.start >> 16..=(range.end - 1) >> 16 {
        let [a, b, ..] = upper.to_le_bytes();
        for position in Finder::new(&[a, b]).find_iter(bytes) {
            let Some(lower) = position.checked_sub(2) else {
                continue;
            };
            let number = u64::from(u16::from_le_bytes([bytes[lower], bytes[lower + 1]])) | upper << 16;
            if range.contains(&number) && sites.len() < LIMIT {
                sites.push(address + lower as u64);
            }
        }
    }
}

fn each_piece(program: &Program, mut visit: impl FnMut(u64, &[u8])) {
    let runs = program.segments().iter().filter(|segment| segment.executable);
    for segment in runs {
        chunks::each(program, segment, LONGEST, &mut visit);
    }
}

fn relative(next: u64, distance: [u8; 4]) -> u64 {
    next.wrapping_add_signed(i32::from_le_bytes(distance).into())
}

/// One range around all.
fn hull(ranges: &[Range<u64>]) -> Option<Range<u64>> {
    let start = ranges.iter().map(|range| range.start).min()?;
    let end = ranges.iter().map(|range| range.end).max()?;
    Some(start..end)
}

fn settled<T: Ord>(mut found: Vec<T>) -> Vec<T> {
    found.sort_unstable();
    found.dedup();
    found
}
