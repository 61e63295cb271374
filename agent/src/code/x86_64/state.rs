//! What the registers hold before an instruction.

use iced_x86::{Instruction, Register};

use super::flags::Flags;
use super::frame::Frame;
use super::operand::place;
use crate::code::body::ARGUMENTS;
use crate::code::{Place, Value, Values};

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

/// How much is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Constants, arguments and the frame: what is handed over.
    Handed,
    /// What was loaded and what calls gave back, too, with ways kept apart on which the first argument is kept in
    /// different registers.
    Ways,
}

/// The registers and the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    registers: [Values; 16],
    pub(super) frame: Frame,
    pub(super) flags: Flags,
    pub(super) detail: Detail,
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

    pub(super) fn change(&mut self, change: impl Fn(Value) -> Option<Value>) {
        for register in &mut self.registers {
            *register = register.map(&change);
        }
        self.frame.change(change);
    }

    pub(super) fn set(&mut self, register: Register, values: Values) {
        if let Some(place) = place(register) {
            self.registers[place] = values;
        }
    }
}
