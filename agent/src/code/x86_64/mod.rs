//! Reading of x86-64 code.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Architecture, Body, Function, Program, Trace};

mod flags;
mod follow;
mod frame;
mod operand;
mod scan;
mod state;
mod step;
mod ways;

/// Longest instruction in bytes.
const LONGEST: usize = 15;

/// The reader for x86-64.
#[derive(Debug)]
pub(super) struct X86_64;

impl Architecture for X86_64 {
    fn references(&self, program: &Program, ranges: &[Range<u64>]) -> Vec<u64> {
        scan::references(program, ranges)
    }

    fn calls(&self, program: &Program, wanted: &dyn Fn(u64, u64) -> bool) -> Vec<(u64, u64)> {
        scan::calls(program, wanted)
    }

    fn may_begin(&self, program: &Program, address: u64) -> bool {
        scan::may_begin(program, address)
    }

    fn body(&self, program: &Program, function: Function) -> Body {
        follow::body(program, function)
    }

    fn trace(&self, program: &Program, function: Function) -> Trace {
        ways::trace(program, function)
    }

    fn successes(
        &self,
        program: &Program,
        function: Function,
        usable: &dyn Fn(u64) -> bool,
    ) -> BTreeSet<u64> {
        ways::successes(program, function, usable)
    }
}
