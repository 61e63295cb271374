//! The state of one path through x86-64 code: registers, frame, flags and facts.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{Instruction, OpKind, Register};

use super::explore::Facts;
use super::value::{Path, Value};

/// Registers that carry the first arguments, in order: System V AMD64 ABI, section 3.2.3.
pub(super) const ARGUMENTS: [Register; 6] = [
    Register::RDI,
    Register::RSI,
    Register::RDX,
    Register::RCX,
    Register::R8,
    Register::R9,
];
/// General registers that a call may change.
const CLOBBERED: [Register; 9] = [
    Register::RAX,
    Register::RCX,
    Register::RDX,
    Register::RSI,
    Register::RDI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
];
/// Bytes that one access takes at most.
const WIDEST: u8 = 64;

/// What the zero flag tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ZeroFlag {
    /// Nothing.
    Unknown,
    /// It is set or not.
    Known(bool),
    /// It is set if this value is zero.
    IfZero(Path),
}

/// One path.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Where it goes on.
    pub(super) address: u64,
    /// Addresses it has been at.
    pub(super) visited: BTreeSet<u64>,
    /// What it has learned.
    pub(super) facts: Facts,
    /// What the last test tells.
    pub(super) zero: ZeroFlag,
    general: [Value; 16],
    vector: [Value; 32],
    frame: BTreeMap<i64, (u8, Value)>,
}

impl State {
    /// At a function's entry.
    pub(super) fn entry(address: u64) -> Self {
        let mut state = Self {
            address,
            visited: BTreeSet::new(),
            facts: Facts::default(),
            zero: ZeroFlag::Unknown,
            general: [Value::Unknown; 16],
            vector: [Value::Unknown; 32],
            frame: BTreeMap::new(),
        };
        for (number, register) in (0..).zip(ARGUMENTS) {
            state.write(register, Value::Place(Path::argument(number), 0));
        }
        state.write(Register::RSP, Value::Frame(0));
        state
    }

    /// What a register holds, in its own width.
    pub(super) fn read(&self, register: Register) -> Value {
        if register.is_gpr() && !is_high_byte(register) {
            let value = self.general[register.full_register().number()];
            return self.facts.resolve(value).truncated(width(register));
        }
        if register.is_vector_register() {
            return self.facts.resolve(self.vector[register.number()]);
        }
        Value::Unknown
    }

    /// Writes a register. Writing half of a general one clears the rest; writing less keeps what is not
    /// tracked.
    pub(super) fn write(&mut self, register: Register, value: Value) {
        if register.is_gpr() {
            let kept = if register.size() < 4 {
                Value::Unknown
            } else {
                value.truncated(width(register))
            };
            self.general[register.full_register().number()] = kept;
        } else if register.is_vector_register() {
            self.vector[register.number()] = value;
        }
    }

    /// Forgets what a called function may change.
    pub(super) fn clobber(&mut self) {
        for register in CLOBBERED {
            self.write(register, Value::Unknown);
        }
        self.vector = [Value::Unknown; 32];
        self.zero = ZeroFlag::Unknown;
    }

    /// The address that a memory operand names.
    pub(super) fn effective(&self, instruction: &Instruction) -> Value {
        let thread_local = matches!(instruction.memory_segment(), Register::FS | Register::GS);
        if thread_local || instruction.is_ip_rel_memory_operand() {
            return Value::Unknown;
        }
        let displacement = instruction.memory_displacement64().cast_signed();
        let part = |register, scale: u32| match (register, scale) {
            (Register::None, _) => Value::Constant(0),
            (register, 1) => self.read(register),
            (register, scale) => match self.read(register) {
                Value::Constant(value) => Value::Constant(value.wrapping_mul(scale.into())),
                _ => Value::Unknown,
            },
        };
        let base = part(instruction.memory_base(), 1);
        let index = part(instruction.memory_index(), instruction.memory_index_scale());
        let sum = match (base, index) {
            (Value::Constant(addend), other) | (other, Value::Constant(addend)) => {
                other.plus(addend.cast_signed())
            }
            _ => Value::Unknown,
        };
        sum.plus(displacement)
    }

    /// What lies at an address.
    pub(super) fn load(&self, address: Value, width: u8) -> Value {
        let loaded = match address {
            Value::Frame(offset) => match self.frame.get(&offset) {
                Some(&(stored, value)) if stored == width => value,
                _ => Value::Unknown,
            },
            Value::Place(path, offset) => path
                .load(offset, width)
                .map_or(Value::Unknown, |path| Value::Place(path, 0)),
            Value::Constant(_) | Value::Unknown => Value::Unknown,
        };
        self.facts.resolve(loaded)
    }

    /// Writes to the frame. Accessors do not write to it through pointers that are not derived from the
    /// stack pointer, so a write to an unknown address leaves it alone.
    pub(super) fn store(&mut self, offset: i64, width: u8, value: Value) {
        let end = offset.saturating_add(width.into());
        let near = offset.saturating_sub(WIDEST.into())..end;
        let overlapping = |(&start, &(stored, _)): (&i64, &(u8, Value))| {
            (start.saturating_add(stored.into()) > offset).then_some(start)
        };
        let gone: Vec<i64> = self.frame.range(near).filter_map(overlapping).collect();
        for start in gone {
            self.frame.remove(&start);
        }
        self.frame.insert(offset, (width, value));
    }

    /// Forgets the frame: something was written there, nobody knows where.
    pub(super) fn forget_frame(&mut self) {
        self.frame.clear();
    }

    /// Moves the stack pointer down and stores.
    pub(super) fn push(&mut self, value: Value) {
        let top = self.read(Register::RSP).plus(-8);
        self.write(Register::RSP, top);
        if let Value::Frame(offset) = top {
            self.store(offset, 8, value);
        }
    }

    /// Loads and moves the stack pointer up.
    pub(super) fn pop(&mut self) -> Value {
        let top = self.read(Register::RSP);
        self.write(Register::RSP, top.plus(8));
        self.load(top, 8)
    }

    /// The value of an operand that is read; `Unknown` for kinds that no accessor needs.
    pub(super) fn operand(&self, instruction: &Instruction, number: u32) -> Value {
        match instruction.op_kind(number) {
            OpKind::Register => self.read(instruction.op_register(number)),
            OpKind::Memory => self.load(self.effective(instruction), access(instruction)),
            _ => instruction
                .try_immediate(number)
                .map_or(Value::Unknown, Value::Constant),
        }
    }

    /// Goes one way at a test of the zero flag; false if this path cannot go there.
    pub(super) fn assume(&mut self, zero: bool) -> bool {
        match self.zero {
            ZeroFlag::Unknown => true,
            ZeroFlag::Known(known) => known == zero,
            ZeroFlag::IfZero(path) => {
                self.facts.learn(path, zero);
                self.facts.is_zero(path) == Some(zero)
            }
        }
    }

    /// Sets the zero flag from a value that was compared with zero.
    pub(super) fn compare_with_zero(&mut self, value: Value) {
        self.zero = match value {
            Value::Constant(value) => ZeroFlag::Known(value == 0),
            Value::Place(path, 0) => match self.facts.is_zero(path) {
                Some(zero) => ZeroFlag::Known(zero),
                None => ZeroFlag::IfZero(path),
            },
            Value::Place(..) | Value::Frame(_) | Value::Unknown => ZeroFlag::Unknown,
        };
    }
}

/// Bytes that an instruction's memory operand has.
pub(super) fn access(instruction: &Instruction) -> u8 {
    u8::try_from(instruction.memory_size().size()).unwrap_or(WIDEST)
}

fn width(register: Register) -> u8 {
    u8::try_from(register.size()).unwrap_or(WIDEST)
}

fn is_high_byte(register: Register) -> bool {
    matches!(
        register,
        Register::AH | Register::BH | Register::CH | Register::DH
    )
}
