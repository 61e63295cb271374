//! What a function does, as far as its instructions show.

use std::collections::BTreeSet;

use super::Values;

/// Registers that carry arguments.
pub const ARGUMENTS: usize = 6;

/// A call, or a jump that leaves the function for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Address of the instruction.
    pub site: u64,
    /// Address that is called; `None` if a pointer decides.
    pub target: Option<u64>,
    /// How many bytes behind some address outside of the frame the pointer that decides was loaded from, as far as that is
    /// followed.
    pub slot: Option<u64>,
    /// Whether the callee returns to the caller of this function.
    pub tail: bool,
    /// Whether some way from the function's start leads here. Only tables of jumps and unwinding lead to the others.
    pub reached: bool,
    /// What is handed over in the registers for arguments.
    pub arguments: [Values; ARGUMENTS],
}

/// What a function does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// Its calls, in the order of their addresses.
    pub calls: Vec<Call>,
    /// Whether it writes to memory other than its own frame.
    pub stores: bool,
    /// Distances from its first argument at which it changes memory in one indivisible step, as counters of
    /// references are.
    pub counters: BTreeSet<u64>,
    /// Steps that it took to follow it.
    pub steps: usize,
    /// Whether every way through it was followed to its end.
    pub complete: bool,
}

impl Body {
    /// Calls of one function.
    pub fn calls_of(&self, target: u64) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| call.target == Some(target))
    }

    /// Whether it calls a function.
    pub fn calls(&self, target: u64) -> bool {
        self.calls_of(target).next().is_some()
    }

    /// The functions that it calls, each once.
    pub fn callees(&self) -> BTreeSet<u64> {
        self.calls.iter().filter_map(|call| call.target).collect()
    }
}
