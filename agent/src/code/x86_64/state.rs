//! What the registers hold before an instruction.

use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic, OpKind, Register};

use super::follow::is_written;
use super::frame::Frame;
use crate::code::body::ARGUMENTS;
use crate::code::{Place, Value, Values};

/// Bytes of what is pushed.
const WORD: u64 = 8;
/// Registers for arguments, in their order.
const ARGUMENT_REGISTERS: [Register; ARGUMENTS] = [
    Register::RDI,
    Register::RSI,
    Register::RDX,
    Register::RCX,
    Register::R8,
    Register::R9,
];
/// Registers that a call leaves as they are, but for the one that points to the frame.
const KEPT: [Register; 7] = [
    Register::RBX,
    Register::RBP,
    Register::RSP,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];

/// Where programs keep what tells them that their stack was overwritten (x86-64 psABI, `-fstack-protector`): the segment
/// and the distance.
const CANARY: (Register, u64) = (Register::FS, 0x28);

/// How much is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Constants, arguments and the frame: what is handed over.
    Handed,
    /// What was loaded and what calls gave back, too, with ways kept apart on which the first argument is kept in
    /// different registers.
    Ways,
}

/// What the flags tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flags {
    Unknown,
    /// How what the last call gave back compares with 0.
    Result,
    /// Whether the stack was overwritten.
    Canary,
}

/// The registers and the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    registers: [Values; 16],
    frame: Frame,
    flags: Flags,
    detail: Detail,
}

impl State {
    /// Nothing is known, as after a jump through a table.
    pub(super) fn unknown(detail: Detail) -> Self {
        let mut state = Self {
            registers: std::array::from_fn(|_| Values::unknown()),
            frame: Frame::new(),
            flags: Flags::Unknown,
            detail,
        };
        state.set(Register::RSP, Values::only(Value::Frame(None)));
        state
    }

    /// At the start of a function.
    pub(super) fn entry(detail: Detail) -> Self {
        let mut state = Self::unknown(detail);
        state.set(Register::RSP, Values::only(Value::Frame(Some(0))));
        for (number, register) in (0..).zip(ARGUMENT_REGISTERS) {
            state.set(register, Values::only(Value::Argument(number)));
        }
        state
    }

    /// Whether the frame is gone, as before a return.
    pub(super) fn is_at_entry(&self) -> bool {
        self.register(Register::RSP).is_only(Value::Frame(Some(0)))
    }

    /// How much is known.
    pub(super) fn size(&self) -> usize {
        let registers = self.registers.iter().map(Values::size);
        registers.sum::<usize>() + self.frame.size() + 1
    }

    /// Marks the registers that keep the first argument over calls, by their numbers. Only ways with the same mark are
    /// joined; with [`Detail::Handed`] it is 0.
    pub(super) fn mark(&self) -> u16 {
        let keeps = |register: &&Register| {
            self.register(**register).is_only(Value::Argument(0)) && **register != Register::RSP
        };
        match self.detail {
            Detail::Handed => 0,
            Detail::Ways => KEPT
                .iter()
                .filter(keeps)
                .filter_map(|kept| place(*kept))
                .fold(0, |mark, place| mark | 1 << place),
        }
    }

    /// What is known for sure, with where it is found: registers, then the frame from the top of the stack on.
    pub(super) fn held(&self) -> Vec<(Place, Value)> {
        let registers = (0..).zip(&self.registers);
        let mut held: Vec<_> = registers
            .filter_map(|(number, values)| Some((Place::Register(number), values.single()?)))
            .collect();
        if let Some(Value::Frame(Some(top))) = self.register(Register::RSP).single() {
            held.extend(self.frame.held().filter_map(|(place, value)| {
                let distance = u32::try_from(place.checked_sub(top)?).ok()?;
                Some((Place::Stack(distance), value))
            }));
        }
        held
    }

    /// Another way leads here; whether it carries something new.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        let mut grown = self.frame.join(&other.frame);
        if self.flags != other.flags && self.flags != Flags::Unknown {
            self.flags = Flags::Unknown;
            grown = true;
        }
        for (register, other) in self.registers.iter_mut().zip(&other.registers) {
            grown |= register.join(other);
        }
        grown
    }

    /// What a register holds as a whole.
    pub(super) fn register(&self, register: Register) -> Values {
        place(register).map_or_else(Values::unknown, |place| self.registers[place].clone())
    }

    /// Where the pointer that decides what is called was loaded from: so many bytes behind some address.
    pub(super) fn slot(&self, call: &Instruction) -> Option<u64> {
        match self.operand(call, 0).single()? {
            Value::Loaded(distance) => Some(distance),
            _ => None,
        }
    }

    /// What is handed over to a function that is called here.
    pub(super) fn arguments(&self) -> [Values; ARGUMENTS] {
        ARGUMENT_REGISTERS.map(|register| self.register(register))
    }

    /// What a call leaves.
    pub(super) fn call(&mut self) {
        for argument in self.arguments() {
            self.frame.give_away(&argument);
        }
        if let Some(Value::Frame(Some(top))) = self.register(Register::RSP).single() {
            self.frame.clear_below(top);
        }
        self.frame.foreign();
        for number in 0..self.registers.len() {
            if !KEPT.iter().any(|&kept| place(kept) == Some(number)) {
                self.registers[number] = Values::unknown();
            }
        }
        self.flags = Flags::Unknown;
        if self.detail == Detail::Ways {
            self.change(|value| (value != Value::Result).then_some(value));
            self.set(Register::RAX, Values::only(Value::Result));
        }
    }

    /// What is known where a conditional jump is taken, and where it is not; `None` where the program does not come.
    pub(super) fn fork(self, jump: &Instruction) -> [Option<Self>; 2] {
        let (mut taken, mut passed) = (self.clone(), self);
        match (taken.flags, jump.mnemonic()) {
            (Flags::Result, Mnemonic::Jle | Mnemonic::Jl | Mnemonic::Js | Mnemonic::Je) => taken.fail(),
            (Flags::Result, Mnemonic::Jg | Mnemonic::Jge | Mnemonic::Jns | Mnemonic::Jne) => passed.fail(),
            (Flags::Canary, Mnemonic::Jne) => return [None, Some(passed)],
            (Flags::Canary, Mnemonic::Je) => return [Some(taken), None],
            _ => {}
        }
        [Some(taken), Some(passed)]
    }

    /// The last call gave back nothing above 0.
    fn fail(&mut self) {
        self.change(|value| {
            Some(if value == Value::Result {
                Value::Failed
            } else {
                value
            })
        });
    }

    fn change(&mut self, change: impl Fn(Value) -> Option<Value>) {
        for register in &mut self.registers {
            *register = register.map(&change);
        }
        self.frame.change(change);
    }

    /// After an instruction that goes on to the next one.
    pub(super) fn apply(&mut self, instruction: &Instruction, info: &mut InstructionInfoFactory) {
        self.flags = self.flags_after(instruction);
        match instruction.mnemonic() {
            Mnemonic::Push => {
                let values = self.operand(instruction, 0);
                let top = moved(&self.register(Register::RSP), WORD.wrapping_neg());
                self.frame.write(&top, 8, values);
                self.set(Register::RSP, top);
            }
            Mnemonic::Pop if is_whole(instruction) => {
                let values = self.pop();
                self.set(instruction.op0_register(), values);
            }
            Mnemonic::Leave => {
                let frame = self.register(Register::RBP);
                self.set(Register::RSP, frame);
                let values = self.pop();
                self.set(Register::RBP, values);
            }
            Mnemonic::Mov if instruction.op0_kind() == OpKind::Memory => {
                let values = self.operand(instruction, 1);
                self.store(instruction, values);
            }
            _ => match self.result(instruction) {
                Some(values) => {
                    // Where a compiler takes the address of a place, others may come to know it.
                    if instruction.mnemonic() == Mnemonic::Lea {
                        self.lose_addresses(instruction);
                    }
                    self.set(instruction.op0_register(), values);
                }
                None => self.forget(instruction, info),
            },
        }
    }

    fn flags_after(&self, instruction: &Instruction) -> Flags {
        // As an `int`: what the upper half holds is anything.
        let int = instruction.op0_kind() == OpKind::Register && instruction.op0_register().size() == 4;
        let compared = match instruction.mnemonic() {
            Mnemonic::Test => int && is_same(instruction),
            Mnemonic::Cmp => int && is_immediate(instruction) && instruction.immediate(1) == 0,
            _ => false,
        };
        let of_canary = instruction.op_kinds().any(|kind| kind == OpKind::Memory)
            && (instruction.memory_segment(), instruction.memory_displacement64()) == CANARY;
        match instruction.mnemonic() {
            _ if self.detail == Detail::Handed => Flags::Unknown,
            _ if compared && self.operand(instruction, 0).is_only(Value::Result) => Flags::Result,
            Mnemonic::Sub | Mnemonic::Xor | Mnemonic::Cmp if of_canary => Flags::Canary,
            _ if instruction.rflags_modified() == 0 => self.flags,
            _ => Flags::Unknown,
        }
    }

    fn pop(&mut self) -> Values {
        let top = self.register(Register::RSP);
        let values = self.frame.read(&top, 8);
        self.set(Register::RSP, moved(&top, WORD));
        values
    }

    fn store(&mut self, instruction: &Instruction, values: Values) {
        if instruction.memory_index() == Register::None {
            let address = self.address(instruction);
            self.frame
                .write(&address, instruction.memory_size().size(), values);
        } else {
            // It may be any element from there on.
            let base = self.register(instruction.memory_base());
            let start = moved(&base, instruction.memory_displacement64());
            self.frame.write(&start, 0, Values::unknown());
            self.frame.give_away(&values);
        }
    }

    /// What a known instruction leaves in its first operand, which is a whole register.
    fn result(&self, instruction: &Instruction) -> Option<Values> {
        if !is_whole(instruction) {
            return None;
        }
        let target = instruction.op0_register();
        let result = match instruction.mnemonic() {
            Mnemonic::Mov => self.operand(instruction, 1),
            Mnemonic::Xor | Mnemonic::Sub if is_same(instruction) => Values::only(Value::Constant(0)),
            Mnemonic::Or if is_immediate(instruction) && instruction.immediate(1) == u64::MAX => {
                Values::only(Value::Constant(u64::MAX))
            }
            Mnemonic::Lea => self.address(instruction),
            Mnemonic::Add if is_immediate(instruction) => {
                moved(&self.register(target), instruction.immediate(1))
            }
            Mnemonic::Sub if is_immediate(instruction) => {
                moved(&self.register(target), instruction.immediate(1).wrapping_neg())
            }
            // Alignment of the frame: by how much, is decided when it runs.
            Mnemonic::And if target == Register::RSP => Values::only(Value::Frame(None)),
            _ if is_conditional_move(instruction) => {
                let mut values = self.register(target);
                values.join(&self.operand(instruction, 1));
                values
            }
            _ => return None,
        };
        Some(if target.size() == 4 {
            halved(&result)
        } else {
            result
        })
    }

    fn operand(&self, instruction: &Instruction, number: u32) -> Values {
        match instruction.op_kind(number) {
            OpKind::Register if instruction.op_register(number).size() >= 4 => {
                self.register(instruction.op_register(number))
            }
            OpKind::Memory if instruction.memory_index() == Register::None => self.load(instruction),
            OpKind::Register | OpKind::Memory => Values::unknown(),
            _ => instruction.try_immediate(number).map_or_else(
                |_| Values::unknown(),
                |number| Values::only(Value::Constant(number)),
            ),
        }
    }

    fn load(&self, instruction: &Instruction) -> Values {
        let (address, size) = (self.address(instruction), instruction.memory_size().size());
        let outside = !address.can_be_frame() && address.constants().next().is_none();
        if self.detail == Detail::Ways && outside && size == 8 {
            return Values::only(Value::Loaded(instruction.memory_displacement64()));
        }
        self.frame.read(&address, size)
    }

    /// The address that an operand in memory has, or that `lea` computes.
    fn address(&self, instruction: &Instruction) -> Values {
        if instruction.is_ip_rel_memory_operand() {
            return Values::only(Value::Constant(instruction.ip_rel_memory_address()));
        }
        if instruction.memory_index() != Register::None {
            return Values::unknown();
        }
        match instruction.memory_base() {
            Register::None => Values::only(Value::Constant(instruction.memory_displacement64())),
            base => moved(&self.register(base), instruction.memory_displacement64()),
        }
    }

    /// Whatever an instruction writes is unknown after it.
    fn forget(&mut self, instruction: &Instruction, info: &mut InstructionInfoFactory) {
        self.lose_addresses(instruction);
        let info = info.info(instruction);
        if info.used_memory().iter().any(|used| is_written(used.access())) {
            // Other operands in memory than the one that is encoded belong to copies of any length.
            if instruction.op_kinds().any(|kind| kind == OpKind::Memory) {
                self.store(instruction, Values::unknown());
            } else {
                self.frame.clear();
            }
        }
        for used in info.used_registers() {
            let register = used.register().full_register();
            if !is_written(used.access()) {
            } else if register == Register::RSP {
                self.set(register, Values::only(Value::Frame(None)));
            } else {
                self.set(register, Values::unknown());
            }
        }
    }

    /// Others may come to know an address in the frame that is taken, or of which something is made that is not followed.
    fn lose_addresses(&mut self, instruction: &Instruction) {
        if instruction.op0_kind() != OpKind::Register || instruction.op0_register() == Register::RSP {
            return;
        }
        if instruction.mnemonic() == Mnemonic::Lea {
            let base = self.register(instruction.memory_base());
            let start = moved(&base, instruction.memory_displacement64());
            self.frame.give_away(&start);
            self.frame.give_away(&self.register(instruction.memory_index()));
        } else {
            for operand in 0..instruction.op_count() {
                if instruction.op_kind(operand) == OpKind::Register {
                    self.frame
                        .give_away(&self.register(instruction.op_register(operand)));
                }
            }
        }
    }

    fn set(&mut self, register: Register, values: Values) {
        if let Some(place) = place(register) {
            self.registers[place] = values;
        }
    }
}

/// Number of a general register; `None` for others.
fn place(register: Register) -> Option<usize> {
    let full = register.full_register();
    full.is_gpr64().then(|| full.number())
}

/// A number or a place in the frame, moved on by a distance.
fn moved(values: &Values, distance: u64) -> Values {
    values.map(|value| match value {
        Value::Constant(number) => Some(Value::Constant(number.wrapping_add(distance))),
        Value::Frame(place) => Some(Value::Frame(
            place.and_then(|place| place.checked_add(distance.cast_signed())),
        )),
        Value::Argument(_) | Value::Low(_) | Value::Loaded(_) | Value::Result | Value::Failed => {
            (distance == 0).then_some(value)
        }
    })
}

/// What is left of values that were written to the lower half of a register.
fn halved(values: &Values) -> Values {
    values.map(|value| match value {
        Value::Constant(number) => Some(Value::Constant(number & u64::from(u32::MAX))),
        Value::Argument(number) | Value::Low(number) => Some(Value::Low(number)),
        Value::Result | Value::Failed => Some(value),
        Value::Frame(_) | Value::Loaded(_) => None,
    })
}

/// Whether the first operand is a general register, or its lower half, which clears the rest.
fn is_whole(instruction: &Instruction) -> bool {
    let register = instruction.op0_register();
    instruction.op0_kind() == OpKind::Register && place(register).is_some() && register.size() >= 4
}

fn is_same(instruction: &Instruction) -> bool {
    instruction.op1_kind() == OpKind::Register && instruction.op0_register() == instruction.op1_register()
}

fn is_immediate(instruction: &Instruction) -> bool {
    instruction.op_count() == 2 && instruction.try_immediate(1).is_ok()
}

fn is_conditional_move(instruction: &Instruction) -> bool {
    use Mnemonic::{
        Cmova, Cmovae, Cmovb, Cmovbe, Cmove, Cmovg, Cmovge, Cmovl, Cmovle, Cmovne, Cmovno, Cmovnp, Cmovns,
        Cmovo, Cmovp, Cmovs,
    };
    matches!(
        instruction.mnemonic(),
        Cmova
            | Cmovae
            | Cmovb
            | Cmovbe
            | Cmove
            | Cmovg
            | Cmovge
            | Cmovl
            | Cmovle
            | Cmovne
            | Cmovno
            | Cmovnp
            | Cmovns
            | Cmovo
            | Cmovp
            | Cmovs
    )
}
