//! What a function does on its way, and where its values are found meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use super::{Call, Value, Values};

/// Where a value is found while a function runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A general register, by the number that the machine gives it.
    Register(u8),
    /// So many bytes above the top of the stack.
    Stack(u32),
}

/// A function that was followed through all its ways.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Its calls, in the order of their addresses. Jumps that leave it by a pointer hand their arguments over too.
    pub calls: Vec<Call>,
    /// What it gives back, at each place where it returns.
    pub results: Vec<Values>,
    /// Whether every way through it was followed to its end.
    pub complete: bool,
    /// What is known for sure before each instruction.
    pub(super) held: BTreeMap<u64, Vec<(Place, Value)>>,
    /// The same for each of the ways that were kept apart.
    pub(super) ways: BTreeMap<u64, Vec<Vec<(Place, Value)>>>,
    /// The instruction behind each one that simply goes on to it, or calls.
    pub(super) next: BTreeMap<u64, u64>,
    /// Where jumps inside of it lead.
    pub(super) targets: BTreeSet<u64>,
    /// Instructions before which the result of the last call stands where it was left.
    pub(super) fresh: BTreeSet<u64>,
}

impl Trace {
    /// Where a value is found before the instruction at an address, whichever way the program came: registers first.
    pub fn places(&self, address: u64, value: Value) -> impl Iterator<Item = Place> {
        let held = self.held.get(&address).map_or(&[][..], Vec::as_slice);
        let places = held.iter().filter(move |(_, known)| *known == value);
        places.map(|(place, _)| *place)
    }

    /// What is known for sure before the instruction at an address, and where, on each of the ways that lead there and on
    /// which the first argument is kept in other registers.
    pub fn ways(&self, address: u64) -> impl Iterator<Item = &[(Place, Value)]> {
        let ways = self.ways.get(&address).map_or(&[][..], Vec::as_slice);
        ways.iter().map(Vec::as_slice)
    }

    /// The instructions straight behind a call, in their order, as far as nothing else leads to them and the call's
    /// result stands where it was left before each.
    pub fn behind(&self, call: &Call) -> impl Iterator<Item = u64> {
        let behind = |at: &u64| {
            let next = *self.next.get(at)?;
            (!self.targets.contains(&next) && self.fresh.contains(&next)).then_some(next)
        };
        std::iter::successors(behind(&call.site), behind)
    }
}
