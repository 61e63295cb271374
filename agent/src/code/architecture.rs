//! The part that depends on the machine.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Body, Function, Machine, Program, Trace, x86_64};

/// How the code of a machine is read.
pub trait Architecture: std::fmt::Debug {
    /// Addresses of instructions, or of bytes inside them, that seem to name an address in one of the ranges. They are
    /// candidates: what only looks like it is among them.
    fn references(&self, program: &Program, ranges: &[Range<u64>]) -> Vec<u64>;

    /// Sites and targets of direct calls, of those that are wanted. They are candidates too.
    fn calls(&self, program: &Program, wanted: &dyn Fn(u64, u64) -> bool) -> Vec<(u64, u64)>;

    /// Whether a function may begin here, as what stands before does not run on into it.
    fn may_begin(&self, program: &Program, address: u64) -> bool;

    /// What a function does.
    fn body(&self, program: &Program, function: Function) -> Body;

    /// What a function does on its way.
    fn trace(&self, program: &Program, function: Function) -> Trace;

    /// Instructions of a function that every call which gives back an `int` above 0 passes: one of them, once, and whoever
    /// passes one does nothing any more but give back 1. None if that cannot be shown with those that are `usable`.
    fn successes(&self, program: &Program, function: Function, usable: &dyn Fn(u64) -> bool)
    -> BTreeSet<u64>;
}

/// The reader for a machine; `None` where none is written: nothing can be found there.
pub fn architecture(machine: Machine) -> Option<&'static dyn Architecture> {
    match machine {
        Machine::X86_64 => Some(&x86_64::X86_64),
        Machine::Aarch64 | Machine::Other(_) => None,
    }
}
