//! Which bytes of a followed stream to hand up, and the table of those that are followed.
//!
//! The table is an array of sets, not one of the kernel's hash maps: nearly all look-ups find nothing, and this one
//! is a few instructions in the program itself; it takes no lock, whatever flood of SYNs arrives; and what has to
//! make room is known, and counted. Two processors that use one set at once can spoil an entry. Then that flow is not
//! followed to its end; what is handed up of it stays right, since it is the packet's own.

use super::start::{Judgement, START, Start, UNSURE, WINDOW};
use crate::packet::network::Addresses;

/// Flows in one set.
pub const WAYS: usize = 4;
/// Sets; a power of two.
pub const SETS: u32 = 4096;
/// Records that may be made of one flow: a ClientHello comes one byte a segment or is no ClientHello.
const SEGMENTS: u32 = 4096;
/// Ticks of the kernel's clock (jiffies) after which a flow that showed no whole hello may make room uncounted: a
/// minute where it ticks a thousand times a second.
const LATE: u64 = 1 << 16;

/// A flow that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Followed {
    /// The tag in the upper half, the sequence number of the first byte in the lower; 0 for none.
    pub identity: u64,
    /// When it began, in jiffies.
    pub begun: u64,
    /// Bytes from the first on that were seen without a gap.
    pub passed: u32,
    /// Bytes from the first within which the hello ends; 0 as long as that is not known.
    pub end: u32,
    /// Segments that were handed up.
    pub segments: u32,
    /// Always 0.
    pub reserved: u32,
    /// The first bytes.
    pub start: Start,
}

/// Flows that share a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Set {
    /// The flows.
    pub ways: [Followed; WAYS],
}

/// What a segment of a followed flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Bytes to hand up, from the segment's first.
    pub count: u32,
    /// Why the flow is followed no longer, if it is not.
    pub ended: Option<Ended>,
}

/// Why a flow is followed no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its hello was handed up.
    Complete,
    /// It does not begin with a hello.
    Other,
    /// It begins with one that is longer than [`WINDOW`].
    TooLong,
    /// It came in too many segments.
    Scattered,
}

/// Where a flow is kept and which entry is its own: a number in which no bits of its input stand out. `place` is where
/// in the machine it was seen.
#[inline(always)]
pub const fn hash(addresses: &Addresses, ports: [u8; 4], v6: bool, place: u64, seed: u64) -> u64 {
    let mut hash = mix(seed, u32::from_ne_bytes(ports) as u64 ^ place.rotate_left(32));
    hash = mix(hash, addresses.source[0]);
    hash = mix(hash, addresses.destination[0]);
    if v6 {
        hash = mix(hash, addresses.source[1]);
        hash = mix(hash, addresses.destination[1]);
        // No IPv4 flow is one of IPv6.
        hash = mix(hash, 6);
    }
    hash
}

/// One round of a multiplicative hash; the constant is 2^64 divided by the golden ratio.
#[inline(always)]
const fn mix(hash: u64, word: u64) -> u64 {
    let product = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ product >> 32
}

/// The set that a flow belongs to.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "masked")]
pub const fn set(hash: u64) -> u32 {
    hash as u32 & (SETS - 1)
}

/// What tells a flow from the others of its set.
#[inline(always)]
pub const fn tag(hash: u64) -> u32 {
    // Not 0: an entry of 0 is none.
    (hash >> 32) as u32 | 1
}

impl Set {
    /// The way of the flow whose window the segment lies in; [`WAYS`] if it is not followed.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the halves of an identity")]
    pub fn find(&self, tag: u32, sequence: u32) -> usize {
        let mut found = WAYS;
        for (way, followed) in self.ways.iter().enumerate() {
            let identity = followed.identity;
            if (identity >> 32) as u32 == tag && sequence.wrapping_sub(identity as u32) < WINDOW {
                found = way;
            }
        }
        found
    }

    /// The way for a flow that is to be followed from now on: its own if it has one, else one that is free, else the
    /// oldest. Tells also whether a flow must make room that may still show its hello.
    #[inline(always)]
    pub fn room(&self, tag: u32, now: u64) -> (usize, bool) {
        let mut chosen = 0;
        let mut worth = u64::MAX;
        for (way, followed) in self.ways.iter().enumerate() {
            let value = if (followed.identity >> 32) as u32 == tag {
                0
            } else if followed.identity == 0 {
                1
            } else {
                followed.begun.wrapping_add(2)
            };
            if value < worth {
                worth = value;
                chosen = way;
            }
        }
        (chosen, worth > 1 && now.wrapping_sub(worth) < LATE)
    }
}

impl Followed {
    /// A flow whose first byte has this sequence number.
    #[inline(always)]
    pub const fn new(tag: u32, first: u32, now: u64) -> Self {
        Self {
            identity: (tag as u64) << 32 | first as u64,
            begun: now,
            passed: 0,
            end: 0,
            segments: 0,
            reserved: 0,
            start: Start::UNKNOWN,
        }
    }

    /// Takes a segment of `length` bytes at `offset` from the flow's first; the first `count` of `bytes` are its own.
    #[inline(always)]
    pub fn take(&mut self, offset: u32, length: u32, bytes: &[u8; START], count: u32) -> Part {
        if self.end == 0 {
            self.start.note(offset, bytes, count);
            match self.start.judge() {
                Judgement::Unsure => {}
                Judgement::Hello(end) => self.end = end,
                Judgement::TooLong => return Part::none(Ended::TooLong),
                Judgement::Other => return Part::none(Ended::Other),
            }
        }
        let limit = if self.end == 0 { UNSURE } else { self.end };
        if offset >= limit {
            return Part {
                count: 0,
                ended: None,
            };
        }
        let left = limit - offset;
        let count = if length < left { length } else { left };
        if offset <= self.passed && offset + count > self.passed {
            self.passed = offset + count;
        }
        self.segments += 1;
        let ended = if self.end != 0 && self.passed >= self.end {
            Some(Ended::Complete)
        } else if self.segments >= SEGMENTS {
            Some(Ended::Scattered)
        } else {
            None
        };
        Part { count, ended }
    }
}

impl Part {
    const fn none(ended: Ended) -> Self {
        Self {
            count: 0,
            ended: Some(ended),
        }
    }
}

const _: () = assert!(size_of::<Followed>() == 48);
const _: () = assert!(SETS.is_power_of_two() && WAYS.is_power_of_two());

#[cfg(test)]
mod tests;
