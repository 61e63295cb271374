//! What a function does on its way, and where all that succeeds passes.

use std::collections::BTreeSet;

use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, Register};

use super::follow::{Follower, is_written};
use super::state::{Detail, State};
use crate::code::{Function, Program, Trace, Value, Values};

/// What a function does on its way. What only tables of jumps lead to is left out.
pub(super) fn trace(program: &Program, function: Function) -> Trace {
    let follower = Follower::start(program, function, Detail::Ways, &BTreeSet::new());
    let Some(follower) = follower.filter(Follower::is_sound) else {
        return Trace::default();
    };
    let mut info = InstructionInfoFactory::new();
    let mut trace = Trace {
        complete: true,
        ..Trace::default()
    };
    for (instruction, ways) in follower.steps() {
        let Some(state) = joined(&ways) else { continue };
        let address = instruction.ip();
        trace.held.insert(address, state.held());
        trace
            .ways
            .insert(address, ways.iter().map(|way| way.held()).collect());
        let (next, target) = (instruction.next_ip(), instruction.near_branch_target());
        match instruction.flow_control() {
            FlowControl::Next => {
                trace.next.insert(address, next);
                // They come in the order of addresses: what stands behind a call is met after it.
                let info = info.info(&instruction);
                let mut used = info.used_registers().iter();
                let rewritten = used.any(|used| {
                    used.register().full_register() == Register::RAX && is_written(used.access())
                });
                if trace.fresh.contains(&address) && !rewritten {
                    trace.fresh.insert(next);
                }
            }
            FlowControl::Call | FlowControl::IndirectCall => {
                trace.calls.push(follower.call(&instruction, &state, false));
                trace.next.insert(address, next);
                trace.fresh.insert(next);
            }
            FlowControl::IndirectBranch => {
                // Where the frame is gone, it leaves; else it may lead to anywhere inside.
                trace.complete &= state.is_at_entry();
                trace.calls.push(follower.call(&instruction, &state, true));
            }
            FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
                if follower.is_inside(target) {
                    trace.targets.insert(target);
                } else {
                    trace.calls.push(follower.call(&instruction, &state, true));
                }
            }
            FlowControl::Return => trace.results.push(state.register(Register::RAX)),
            FlowControl::Interrupt | FlowControl::Exception | FlowControl::XbeginXabortXend => {}
        }
    }
    trace
}

/// The bits of an `int`, and the one that is set in those below 0.
const INT: u64 = 0xffff_ffff;
const SIGN: u64 = 0x8000_0000;
/// Instructions that follow the last jump of a function at most.
const LAST: usize = 64;

/// The jumps inside a function that every call which gives back an `int` above 0 passes: one of them, once, and whoever
/// passes one does nothing any more but give back 1. None if that cannot be shown with those that are `usable`.
pub(super) fn successes(
    program: &Program,
    function: Function,
    usable: &dyn Fn(u64) -> bool,
) -> BTreeSet<u64> {
    let follow = |ends: &BTreeSet<u64>| Follower::start(program, function, Detail::Ways, ends);
    let Some(whole) = follow(&BTreeSet::new()).filter(Follower::is_sound) else {
        return BTreeSet::new();
    };
    let mut ends: Vec<(u64, BTreeSet<u64>)> = Vec::new();
    for (jump, ways) in whole.steps() {
        let leads_on = jump.flow_control() == FlowControl::UnconditionalBranch
            && whole.is_inside(jump.near_branch_target())
            && usable(jump.ip());
        let Some(state) = joined(&ways).filter(|_| leads_on) else {
            continue;
        };
        let end = whole.onwards(jump.ip(), state, LAST);
        if is_idle(&end, jump.ip()) && gives_back(&end, |result| result.is_only(Value::Constant(1))) {
            let passed = end.steps().into_iter().map(|(instruction, _)| instruction.ip());
            ends.push((jump.ip(), passed.collect()));
        }
    }
    let leads_to_another = |jump: u64, passed: &BTreeSet<u64>| {
        let mut others = ends.iter().filter(|(other, _)| *other != jump);
        others.any(|(other, _)| passed.contains(other))
    };
    let last = ends
        .iter()
        .filter(|(jump, passed)| !leads_to_another(*jump, passed));
    let places: BTreeSet<u64> = last.map(|(jump, _)| *jump).collect();
    // Whatever comes to an end without them must have failed.
    let rest = follow(&places).filter(|rest| gives_back(rest, |result| result.all(is_failure)));
    rest.map_or_else(BTreeSet::new, |_| places)
}

fn joined(ways: &[&State]) -> Option<State> {
    let (first, rest) = ways.split_first()?;
    let mut state = (*first).clone();
    for other in rest {
        state.join(other);
    }
    Some(state)
}

/// Whether everything that was followed comes to an end in the function itself, with such a result.
fn gives_back(ways: &Follower, is_such: impl Fn(&Values) -> bool) -> bool {
    let ends_well = |(instruction, states): &(Instruction, Vec<&State>)| match instruction.flow_control() {
        FlowControl::Return => states.iter().all(|state| is_such(&state.register(Register::RAX))),
        FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
            ways.is_inside(instruction.near_branch_target())
        }
        FlowControl::IndirectBranch => false,
        _ => true,
    };
    ways.is_sound() && ways.steps().iter().all(ends_well)
}

/// Whether it ends, nothing of it calls anything or writes to memory, and it does not come back to where it began.
fn is_idle(ways: &Follower, start: u64) -> bool {
    let steps = ways.steps();
    let mut factory = InstructionInfoFactory::new();
    let returns = |(instruction, _): &(Instruction, _)| instruction.flow_control() == FlowControl::Return;
    steps.iter().any(returns)
        && steps.iter().all(|(instruction, _)| {
            let leads_on = match instruction.flow_control() {
                FlowControl::Call | FlowControl::IndirectCall => false,
                FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
                    instruction.near_branch_target() != start
                }
                _ => instruction.next_ip() != start,
            };
            let memory = factory.info(instruction).used_memory();
            leads_on && !memory.iter().any(|used| is_written(used.access()))
        })
}

/// Whether an `int` is not above 0.
fn is_failure(value: Value) -> bool {
    match value {
        Value::Failed => true,
        Value::Constant(number) => number & INT == 0 || number & SIGN != 0,
        _ => false,
    }
}
