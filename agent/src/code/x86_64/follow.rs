//! Following a function through all its ways at once, with all that its registers can hold.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind,
    Register,
};

use super::LONGEST;
use super::state::State;
use crate::code::{Body, Bounds, Call, Function, Program, Trace, Value, Values};

/// Longest function that is followed, in bytes.
const LENGTH_LIMIT: u64 = 64 << 10;
/// Steps of one function, each way that brings something new counted.
const STEPS: usize = 1 << 16;

/// What a function does.
pub(super) fn body(program: &Program, function: Function) -> Body {
    let Some(mut follower) = Follower::start(program, function) else {
        return Body::default();
    };
    follower.reached = follower.states.keys().copied().collect();
    if function.bounds == Bounds::Stated {
        follower.rest();
    }
    follower.summary()
}

/// What a function does on its way. What only tables of jumps lead to is left out.
pub(super) fn trace(program: &Program, function: Function) -> Trace {
    Follower::start(program, function).map_or_else(Trace::default, |mut follower| follower.trace())
}

/// Whether an access changes what it is made to.
pub(super) fn is_written(access: OpAccess) -> bool {
    !matches!(
        access,
        OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
    )
}

struct Follower {
    start: u64,
    bytes: Vec<u8>,
    /// What is known before each instruction that was reached.
    states: BTreeMap<u64, State>,
    /// Those of them that a way from the start leads to.
    reached: BTreeSet<u64>,
    pending: Vec<u64>,
    info: InstructionInfoFactory,
    steps: usize,
    sound: bool,
}

impl Follower {
    /// Follows a function from its start; `None` if it is none, or too long.
    fn start(program: &Program, function: Function) -> Option<Self> {
        let length = function.end.saturating_sub(function.start);
        if length == 0 || length > LENGTH_LIMIT && function.bounds == Bounds::Stated {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(length.min(LENGTH_LIMIT)).unwrap_or(0)];
        let length = program.bytes(function.start, &mut bytes);
        bytes.truncate(length);
        let mut follower = Self {
            start: function.start,
            bytes,
            states: BTreeMap::new(),
            reached: BTreeSet::new(),
            pending: Vec::new(),
            info: InstructionInfoFactory::new(),
            steps: 0,
            sound: true,
        };
        follower.reach(function.start, State::entry());
        follower.run();
        Some(follower)
    }

    /// Another way leads to an instruction.
    fn reach(&mut self, address: u64, state: State) {
        let news = match self.states.get_mut(&address) {
            Some(known) => known.join(&state),
            None => self.states.insert(address, state).is_none(),
        };
        if news {
            self.pending.push(address);
        }
    }

    fn run(&mut self) {
        while let Some(address) = self.pending.pop() {
            if self.steps == STEPS {
                self.sound = false;
                return;
            }
            self.steps += 1;
            self.step(address);
        }
    }

    /// What only tables of jumps lead to: every instruction in between, with nothing known.
    fn rest(&mut self) {
        let mut address = self.start;
        while let Some(instruction) = self.decode(address) {
            // Padding leads to what stands behind it, but nothing leads to padding.
            let padding = matches!(instruction.mnemonic(), Mnemonic::Nop | Mnemonic::Int3);
            if !padding && !self.states.contains_key(&address) {
                let sound = self.sound;
                self.reach(address, State::unknown());
                self.run();
                // What lies between may be no code at all.
                self.sound = sound;
            }
            address = instruction.next_ip();
        }
    }

    fn step(&mut self, address: u64) {
        let (Some(instruction), Some(state)) = (self.decode(address), self.states.get(&address)) else {
            self.sound = false;
            return;
        };
        let mut state = state.clone();
        let next = instruction.next_ip();
        match instruction.flow_control() {
            FlowControl::Next => {
                state.apply(&instruction, &mut self.info);
                self.go(next, state, false);
            }
            FlowControl::Call | FlowControl::IndirectCall => {
                state.call();
                // The last call of a function need not return.
                self.go(next, state, true);
            }
            FlowControl::ConditionalBranch => {
                self.go(instruction.near_branch_target(), state.clone(), true);
                self.go(next, state, false);
            }
            FlowControl::UnconditionalBranch => self.go(instruction.near_branch_target(), state, true),
            FlowControl::IndirectBranch
            | FlowControl::Return
            | FlowControl::Interrupt
            | FlowControl::Exception
            | FlowControl::XbeginXabortXend => {}
        }
    }

    /// Goes on, if it leads to somewhere inside. `may_leave` tells that it need not.
    fn go(&mut self, address: u64, state: State, may_leave: bool) {
        if self.is_inside(address) {
            self.reach(address, state);
        } else if !may_leave {
            self.sound = false;
        }
    }

    fn is_inside(&self, address: u64) -> bool {
        address
            .checked_sub(self.start)
            .is_some_and(|skip| skip < self.bytes.len() as u64)
    }

    fn decode(&self, address: u64) -> Option<Instruction> {
        let skip = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let rest = self.bytes.get(skip..)?;
        let rest = &rest[..rest.len().min(LONGEST)];
        let instruction = Decoder::with_ip(64, rest, address, DecoderOptions::NONE).decode();
        (!instruction.is_invalid()).then_some(instruction)
    }

    fn summary(&mut self) -> Body {
        let mut body = Body {
            steps: self.steps,
            complete: self.sound,
            ..Body::default()
        };
        for (&address, state) in &self.states {
            let Some(instruction) = self.decode(address) else {
                continue;
            };
            self.note_call(&instruction, state, &mut body);
            let info = self.info.info(&instruction);
            for memory in info.used_memory() {
                if !is_written(memory.access()) {
                    continue;
                }
                let base = state.register(memory.base());
                if !base.is_frame() {
                    body.stores = true;
                }
                if instruction.has_lock_prefix()
                    && memory.index() == Register::None
                    && base.is_only(Value::Argument(0))
                {
                    body.counters.insert(memory.displacement());
                }
            }
        }
        body
    }

    fn trace(&mut self) -> Trace {
        self.reached = self.states.keys().copied().collect();
        let mut trace = Trace {
            complete: self.sound,
            ..Trace::default()
        };
        for (&address, state) in &self.states {
            let Some(instruction) = self.decode(address) else {
                continue;
            };
            trace.held.insert(address, state.held());
            let (next, target) = (instruction.next_ip(), instruction.near_branch_target());
            match instruction.flow_control() {
                FlowControl::Next => {
                    trace.next.insert(address, next);
                    // States come in the order of addresses: what stands behind a call is met after it.
                    let info = self.info.info(&instruction);
                    let mut used = info.used_registers().iter();
                    let rewritten = used.any(|used| {
                        used.register().full_register() == Register::RAX && is_written(used.access())
                    });
                    if trace.fresh.contains(&address) && !rewritten {
                        trace.fresh.insert(next);
                    }
                }
                FlowControl::Call | FlowControl::IndirectCall => {
                    trace.calls.push(self.call(&instruction, state, false));
                    trace.next.insert(address, next);
                    trace.fresh.insert(next);
                }
                FlowControl::IndirectBranch => {
                    // Where the frame is gone, it leaves; else it may lead to anywhere inside.
                    trace.complete &= state.is_at_entry();
                    trace.calls.push(self.call(&instruction, state, true));
                }
                FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
                    if self.is_inside(target) {
                        trace.targets.insert(target);
                    } else {
                        trace.calls.push(self.call(&instruction, state, true));
                    }
                }
                FlowControl::Return => trace.results.push(state.register(Register::RAX)),
                FlowControl::Interrupt | FlowControl::Exception | FlowControl::XbeginXabortXend => {}
            }
        }
        trace
    }

    fn call(&self, instruction: &Instruction, state: &State, tail: bool) -> Call {
        let direct = instruction.op_count() == 1 && instruction.op0_kind() == OpKind::NearBranch64;
        Call {
            site: instruction.ip(),
            target: direct.then(|| instruction.near_branch_target()),
            tail,
            reached: self.reached.contains(&instruction.ip()),
            arguments: state.arguments(),
        }
    }

    fn note_call(&self, instruction: &Instruction, state: &State, body: &mut Body) {
        let direct = (instruction.op_count() == 1 && instruction.op0_kind() == OpKind::NearBranch64)
            .then(|| instruction.near_branch_target());
        let tail = match instruction.flow_control() {
            FlowControl::Call | FlowControl::IndirectCall => false,
            FlowControl::IndirectBranch => true,
            FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
                if direct.is_some_and(|target| !self.is_inside(target)) =>
            {
                true
            }
            _ => return,
        };
        let mut call = self.call(instruction, state, tail);
        if tail && direct.is_none() {
            // A jump through a table hands nothing over.
            call.arguments = std::array::from_fn(|_| Values::unknown());
        }
        body.calls.push(call);
    }
}
