//! From the kernel's records to ClientHellos, each told once.

mod seen;

pub use seen::{Flow, Outcome, Seen};

use crate::decode::{Datagram, Segment};

/// How long parts of a ClientHello are waited for, and how long one that was told is remembered, in nanoseconds.
pub const AGE: u64 = 10_000_000_000;

/// Puts ClientHellos together.
#[derive(Debug, Default)]
pub struct Assembler {}

impl Assembler {
    /// Takes part of a TCP stream, and appends what follows from it to `out`.
    pub fn segment(&mut self, _segment: &Segment<'_>, _out: &mut Vec<Seen>) {}

    /// Takes a UDP datagram, and appends what follows from it to `out`.
    pub fn datagram(&mut self, _datagram: &Datagram<'_>, _out: &mut Vec<Seen>) {}

    /// Gives up what has waited for longer than [`AGE`], and appends it to `out`. `now` is in the clock of the
    /// records. Records do this too; it is for when none come.
    pub fn expire(&mut self, _now: u64, _out: &mut Vec<Seen>) {}
}
