//! Following a function through all its ways at once, with all that its registers can hold.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind,
    Register,
};

use super::LONGEST;
use super::state::{Detail, State};
use crate::code::{Body, Bounds, Call, Function, Program, Value, Values};

/// Longest function that is followed, in bytes.
const LENGTH_LIMIT: u64 = 64 << 10;
/// Steps of one function, each way that brings something new counted.
const STEPS: usize = 1 << 16;
/// What is known before its instructions, all together: about 50 MB.
const KNOWN: usize = 1 << 19;

/// What a function does.
pub(super) fn body(program: &Program, function: Function) -> Body {
    let Some(mut follower) = Follower::start(program, function, Detail::Handed, &BTreeSet::new()) else {
        return Body::default();
    };
    if function.bounds == Bounds::Stated {
        follower.rest();
    }
    follower.summary()
}

/// Whether an access changes what it is made to.
pub(super) fn is_written(access: OpAccess) -> bool {
    !matches!(
        access,
        OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
    )
}

/// Ways through one function.
pub(super) struct Follower {
    start: u64,
    bytes: Vec<u8>,
    detail: Detail,
    /// What is known before each instruction that was reached, for ways with each [`State::mark`].
    states: BTreeMap<(u64, u16), State>,
    /// Those of them that a way from the start leads to.
    reached: BTreeSet<u64>,
    /// Instructions that are not gone beyond.
    ends: BTreeSet<u64>,
    pending: Vec<(u64, u16)>,
    info: InstructionInfoFactory,
    /// How much is known in all states.
    known: usize,
    steps: usize,
    sound: bool,
}

impl Follower {
    /// Follows a function from its start up to these instructions; `None` if it is none, or too long.
    pub(super) fn start(
        program: &Program,
        function: Function,
        detail: Detail,
        ends: &BTreeSet<u64>,
    ) -> Option<Self> {
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
            detail,
            states: BTreeMap::new(),
            reached: BTreeSet::new(),
            ends: ends.clone(),
            pending: Vec::new(),
            info: InstructionInfoFactory::new(),
            known: 0,
            steps: 0,
            sound: true,
        };
        follower.reach(function.start, State::entry(detail));
        follower.run();
        follower.reached = follower.states.keys().map(|(address, _)| *address).collect();
        Some(follower)
    }

    /// Follows the same function from an instruction on, for so many steps at most.
    pub(super) fn onwards(&self, address: u64, state: State, steps: usize) -> Self {
        let mut follower = Self {
            start: self.start,
            bytes: self.bytes.clone(),
            detail: self.detail,
            states: BTreeMap::new(),
            reached: BTreeSet::new(),
            ends: BTreeSet::new(),
            pending: Vec::new(),
            info: InstructionInfoFactory::new(),
            known: 0,
            steps: STEPS.saturating_sub(steps),
            sound: true,
        };
        follower.reach(address, state);
        follower.run();
        follower
    }

    /// Whether no way led to where it must not, and all were followed.
    pub(super) fn is_sound(&self) -> bool {
        self.sound
    }

    /// The instructions that were reached, with what is known before each on the ways that are kept apart.
    pub(super) fn steps(&self) -> Vec<(Instruction, Vec<&State>)> {
        let mut steps: BTreeMap<u64, Vec<&State>> = BTreeMap::new();
        for ((address, _), state) in &self.states {
            steps.entry(*address).or_default().push(state);
        }
        let decoded = |(address, states)| Some((self.decode(address)?, states));
        steps.into_iter().filter_map(decoded).collect()
    }

    /// Another way leads to an instruction.
    fn reach(&mut self, address: u64, state: State) {
        let way = (address, state.mark());
        let news = if let Some(known) = self.states.get_mut(&way) {
            known.join(&state)
        } else {
            self.known += state.size();
            if self.known > KNOWN {
                self.sound = false;
                return;
            }
            self.states.insert(way, state).is_none()
        };
        if news {
            self.pending.push(way);
        }
    }

    fn run(&mut self) {
        while let Some(way) = self.pending.pop() {
            if self.steps == STEPS {
                self.sound = false;
                return;
            }
            self.steps += 1;
            if !self.ends.contains(&way.0) {
                self.step(way);
            }
        }
    }

    /// What only tables of jumps lead to: every instruction in between, with nothing known.
    fn rest(&mut self) {
        let mut address = self.start;
        while let Some(instruction) = self.decode(address) {
            // Padding leads to what stands behind it, but nothing leads to padding.
            let padding = matches!(instruction.mnemonic(), Mnemonic::Nop | Mnemonic::Int3);
            if !padding && !self.states.contains_key(&(address, 0)) {
                let sound = self.sound;
                self.reach(address, State::unknown(self.detail));
                self.run();
                // What lies between may be no code at all.
                self.sound = sound;
            }
            address = instruction.next_ip();
        }
    }

    fn step(&mut self, way: (u64, u16)) {
        let (Some(instruction), Some(state)) = (self.decode(way.0), self.states.get(&way)) else {
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
                let [taken, passed] = state.fork(&instruction);
                if let Some(taken) = taken {
                    self.go(instruction.near_branch_target(), taken, true);
                }
                if let Some(passed) = passed {
                    self.go(next, passed, false);
                }
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

    pub(super) fn is_inside(&self, address: u64) -> bool {
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
        for ((address, _), state) in &self.states {
            let Some(instruction) = self.decode(*address) else {
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

    /// What is handed over by a call, or by a jump that leaves.
    pub(super) fn call(&self, instruction: &Instruction, state: &State, tail: bool) -> Call {
        let direct = instruction.op_count() == 1 && instruction.op0_kind() == OpKind::NearBranch64;
        Call {
            site: instruction.ip(),
            target: direct.then(|| instruction.near_branch_target()),
            slot: state.slot(instruction),
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
