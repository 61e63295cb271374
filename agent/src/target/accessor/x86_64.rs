//! Follows x86-64 code path by path.
//!
//! Every conditional jump is followed both ways unless the path knows better, direct jumps are followed
//! wherever they lead, and calls only lose the registers that they may change. Limits bound the work on any
//! bytes whatever.

use iced_x86::{
    ConditionCode, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic,
    OpAccess, OpKind, Register,
};

use super::explore::{Call, Code, Exploration, Extent, Observed, Store};
use super::state::{ARGUMENTS, State, access};
use super::value::Value;
use crate::target::image::Symbol;

/// Instructions that are followed, all paths together.
const STEPS: usize = 1 << 14;
/// Paths that wait at a time.
const PENDING: usize = 1 << 10;
/// Longest instruction in bytes.
const LONGEST: usize = 15;

/// Follows every path through a function.
pub(super) fn explore(code: &dyn Code, function: Symbol) -> Exploration {
    let mut explorer = Explorer {
        code,
        function,
        pending: vec![State::entry(function.address)],
        found: Exploration::new(),
        info: InstructionInfoFactory::new(),
    };
    let mut steps = 0;
    while let Some(mut state) = explorer.pending.pop() {
        loop {
            if steps == STEPS || explorer.pending.len() > PENDING {
                explorer.found.limit(Extent::TooComplex);
                return explorer.found;
            }
            steps += 1;
            if !explorer.step(&mut state) {
                break;
            }
        }
    }
    explorer.found
}

struct Explorer<'code> {
    code: &'code dyn Code,
    function: Symbol,
    pending: Vec<State>,
    found: Exploration,
    info: InstructionInfoFactory,
}

impl Explorer<'_> {
    /// Follows one instruction; false at the end of the path.
    fn step(&mut self, state: &mut State) -> bool {
        if !state.visited.insert(state.address) {
            self.found.limit(Extent::OncePerLoop);
            return false;
        }
        let mut bytes = [0; LONGEST];
        let length = self.code.fetch(state.address, &mut bytes);
        let instruction =
            Decoder::with_ip(64, &bytes[..length], state.address, DecoderOptions::NONE).decode();
        if instruction.is_invalid() {
            self.found.limit(Extent::Undecodable);
            return false;
        }
        state.address = instruction.next_ip();
        match instruction.flow_control() {
            FlowControl::Next => self.plain(state, &instruction),
            FlowControl::ConditionalBranch => self.branch(state, &instruction),
            FlowControl::UnconditionalBranch if instruction.op_kind(0) == OpKind::NearBranch64 => {
                self.jump(state, instruction.near_branch_target());
                true
            }
            // A tail call to another image, or a jump table: what it returns is not to be seen here.
            FlowControl::IndirectBranch | FlowControl::UnconditionalBranch => {
                self.call(state);
                self.end(state, Value::Unknown)
            }
            FlowControl::Call | FlowControl::IndirectCall => {
                self.call(state);
                state.clobber();
                true
            }
            FlowControl::Return => {
                let value = state.read(Register::RAX);
                self.end(state, value)
            }
            // Traps after an assertion: the path never returns.
            FlowControl::Interrupt | FlowControl::Exception | FlowControl::XbeginXabortXend => false,
        }
    }

    fn end(&mut self, state: &State, value: Value) -> bool {
        let seen = Observed {
            what: value,
            facts: state.facts.clone(),
        };
        self.found.returns.push(seen);
        false
    }

    fn call(&mut self, state: &State) {
        let [first, second, third, ..] = ARGUMENTS;
        self.found.calls.push(Observed {
            what: Call([first, second, third].map(|register| state.read(register))),
            facts: state.facts.clone(),
        });
    }

    /// A jump out of the function is a tail call; it is followed too, for what it returns.
    fn jump(&mut self, state: &mut State, target: u64) {
        let inside = target
            .checked_sub(self.function.address)
            .is_some_and(|distance| distance < self.function.size);
        if !inside {
            self.call(state);
        }
        state.address = target;
    }

    /// Goes both ways, this path straight on and a new one to the target.
    fn branch(&mut self, state: &mut State, instruction: &Instruction) -> bool {
        let (mut taken, mut open) = (state.clone(), true);
        taken.address = instruction.near_branch_target();
        let straight = match instruction.condition_code() {
            ConditionCode::e => {
                open = taken.assume(true);
                state.assume(false)
            }
            ConditionCode::ne => {
                open = taken.assume(false);
                state.assume(true)
            }
            _ => true,
        };
        if open {
            self.pending.push(taken);
        }
        straight
    }

    /// An instruction that goes on to the next one.
    fn plain(&mut self, state: &mut State, instruction: &Instruction) -> bool {
        match instruction.mnemonic() {
            mnemonic if is_conditional_move(mnemonic) => return self.conditional_move(state, instruction),
            mnemonic if is_move(mnemonic) => self.assign(state, instruction),
            Mnemonic::Lea => {
                let address = state.effective(instruction);
                state.write(instruction.op0_register(), address);
            }
            Mnemonic::Xor | Mnemonic::Sub if clears(instruction) => {
                state.write(instruction.op0_register(), Value::Constant(0));
                state.compare_with_zero(Value::Constant(0));
            }
            Mnemonic::Add | Mnemonic::Sub if instruction.op0_kind() == OpKind::Register => {
                add(state, instruction);
            }
            Mnemonic::Push => {
                let value = state.operand(instruction, 0);
                state.push(value);
            }
            Mnemonic::Pop if instruction.op0_kind() == OpKind::Register => {
                let value = state.pop();
                state.write(instruction.op0_register(), value);
            }
            Mnemonic::Leave => {
                let frame = state.read(Register::RBP);
                state.write(Register::RSP, frame);
                let saved = state.pop();
                state.write(Register::RBP, saved);
            }
            Mnemonic::Test | Mnemonic::Cmp => {
                let tested = zero_test(instruction)
                    .map_or(Value::Unknown, |number| state.operand(instruction, number));
                state.compare_with_zero(tested);
            }
            _ => {
                if is_copy(instruction) {
                    self.call(state);
                }
                self.forget(state, instruction);
            }
        }
        true
    }

    /// `mov` and its like between registers and memory.
    fn assign(&mut self, state: &mut State, instruction: &Instruction) {
        let value = state.operand(instruction, 1);
        match instruction.op0_kind() {
            OpKind::Register => state.write(instruction.op0_register(), value),
            OpKind::Memory => self.store(state, state.effective(instruction), value, access(instruction)),
            _ => self.forget(state, instruction),
        }
    }

    fn store(&mut self, state: &mut State, address: Value, value: Value, width: u8) {
        match address {
            Value::Frame(offset) => state.store(offset, width, value),
            Value::Place(pointer, displacement) => self.found.stores.push(Observed {
                what: Store {
                    pointer,
                    displacement,
                    value: value.truncated(width),
                    width,
                },
                facts: state.facts.clone(),
            }),
            Value::Constant(_) | Value::Unknown => {}
        }
    }

    /// Goes both ways: with the move done and without.
    fn conditional_move(&mut self, state: &mut State, instruction: &Instruction) -> bool {
        let destination = instruction.op0_register();
        let (mut moved, mut open) = (state.clone(), true);
        let stays = match instruction.condition_code() {
            ConditionCode::e => {
                open = moved.assume(true);
                state.assume(false)
            }
            ConditionCode::ne => {
                open = moved.assume(false);
                state.assume(true)
            }
            _ => true,
        };
        if open {
            let value = moved.operand(instruction, 1);
            moved.write(destination, value);
            self.pending.push(moved);
        }
        // The upper half is cleared even if nothing is moved.
        let kept = state.read(destination);
        state.write(destination, kept);
        stays
    }

    /// Loses what an instruction without a meaning of its own here writes.
    fn forget(&mut self, state: &mut State, instruction: &Instruction) {
        let named = instruction.op_kinds().any(|kind| kind == OpKind::Memory);
        let address = state.effective(instruction);
        let writes = |how| {
            matches!(
                how,
                OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
            )
        };
        let info = self.info.info(instruction);
        let to_memory = info.used_memory().iter().any(|memory| writes(memory.access()));
        let registers = info
            .used_registers()
            .iter()
            .filter(|register| writes(register.access()));
        for register in registers {
            let whole = register.register().full_register();
            state.write(whole, Value::Unknown);
        }
        if to_memory && !named {
            state.forget_frame();
        } else if to_memory {
            self.store(state, address, Value::Unknown, access(instruction));
        }
        if instruction.rflags_modified() != 0 {
            state.compare_with_zero(Value::Unknown);
        }
    }
}

/// `add` or `sub` of a number that is known.
fn add(state: &mut State, instruction: &Instruction) {
    let destination = instruction.op0_register();
    let sum = match state.operand(instruction, 1) {
        Value::Constant(addend) if instruction.mnemonic() == Mnemonic::Add => {
            state.read(destination).plus(addend.cast_signed())
        }
        Value::Constant(addend) => state.read(destination).plus(addend.cast_signed().wrapping_neg()),
        _ => Value::Unknown,
    };
    state.write(destination, sum);
    state.compare_with_zero(Value::Unknown);
}

/// Whether an instruction sets a register to zero whatever it held.
fn clears(instruction: &Instruction) -> bool {
    let both = instruction.op0_kind() == OpKind::Register && instruction.op1_kind() == OpKind::Register;
    both && instruction.op0_register() == instruction.op1_register()
}

/// The operand that a `test` or `cmp` compares with zero.
fn zero_test(instruction: &Instruction) -> Option<u32> {
    if instruction.mnemonic() == Mnemonic::Test {
        return clears(instruction).then_some(0);
    }
    instruction
        .try_immediate(1)
        .is_ok_and(|number| number == 0)
        .then_some(0)
}

fn is_conditional_move(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(
        mnemonic,
        M::Cmova
            | M::Cmovae
            | M::Cmovb
            | M::Cmovbe
            | M::Cmove
            | M::Cmovne
            | M::Cmovg
            | M::Cmovge
            | M::Cmovl
            | M::Cmovle
            | M::Cmovo
            | M::Cmovno
            | M::Cmovp
            | M::Cmovnp
            | M::Cmovs
            | M::Cmovns
    )
}

/// Moves that keep the value as it is.
fn is_move(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(
        mnemonic,
        M::Mov
            | M::Movzx
            | M::Movdqa
            | M::Movdqu
            | M::Movaps
            | M::Movups
            | M::Movapd
            | M::Movupd
            | M::Vmovdqa
            | M::Vmovdqu
            | M::Vmovaps
            | M::Vmovups
            | M::Vmovdqu8
            | M::Vmovdqu64
            | M::Movq
            | M::Vmovq
    )
}

/// String moves: `rsi` to `rdi`, like a call of `memcpy`.
fn is_copy(instruction: &Instruction) -> bool {
    instruction.op0_kind() == OpKind::MemoryESRDI && instruction.op1_kind() == OpKind::MemorySegRSI
}
