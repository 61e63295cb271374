//! What the registers hold before an instruction.

use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};

use crate::code::body::ARGUMENTS;
use crate::code::{Value, Values};

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

/// The registers, and what was pushed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    registers: [Values; 16],
    /// Compilers that save space hand constants over by `push` and `pop`.
    pushed: Values,
}

impl State {
    /// Nothing is known, as after a jump through a table.
    pub(super) fn unknown() -> Self {
        let mut state = Self {
            registers: std::array::from_fn(|_| Values::unknown()),
            pushed: Values::unknown(),
        };
        state.set(Register::RSP, Values::only(Value::Frame));
        state
    }

    /// At the start of a function.
    pub(super) fn entry() -> Self {
        let mut state = Self::unknown();
        for (number, register) in (0..).zip(ARGUMENT_REGISTERS) {
            state.set(register, Values::only(Value::Argument(number)));
        }
        state
    }

    /// Another way leads here; whether it carries something new.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        let mut grown = self.pushed.join(&other.pushed);
        for (register, other) in self.registers.iter_mut().zip(&other.registers) {
            grown |= register.join(other);
        }
        grown
    }

    /// What a register holds as a whole.
    pub(super) fn register(&self, register: Register) -> Values {
        place(register).map_or_else(Values::unknown, |place| self.registers[place].clone())
    }

    /// What is handed over to a function that is called here.
    pub(super) fn arguments(&self) -> [Values; ARGUMENTS] {
        ARGUMENT_REGISTERS.map(|register| self.register(register))
    }

    /// What a call leaves.
    pub(super) fn called(&mut self) {
        for number in 0..self.registers.len() {
            if !KEPT.iter().any(|&kept| place(kept) == Some(number)) {
                self.registers[number] = Values::unknown();
            }
        }
        self.pushed = Values::unknown();
    }

    /// After an instruction that goes on to the next one.
    pub(super) fn apply(&mut self, instruction: &Instruction, info: &mut InstructionInfoFactory) {
        let pushed = std::mem::replace(&mut self.pushed, Values::unknown());
        if instruction.mnemonic() == Mnemonic::Push {
            self.pushed = self.operand(instruction, 0);
            return;
        }
        match self.result(instruction, &pushed) {
            Some(values) => self.set(instruction.op0_register(), values),
            None => self.forget(instruction, info),
        }
    }

    /// What a known instruction leaves in its first operand, which is a whole register.
    fn result(&self, instruction: &Instruction, pushed: &Values) -> Option<Values> {
        if instruction.op0_kind() != OpKind::Register {
            return None;
        }
        let target = instruction.op0_register();
        if place(target).is_none() || target.size() < 4 {
            return None;
        }
        let result = match instruction.mnemonic() {
            Mnemonic::Mov => self.operand(instruction, 1),
            Mnemonic::Pop => pushed.clone(),
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
            // Alignment of the frame.
            Mnemonic::And if target == Register::RSP => self.register(target),
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
            OpKind::Register | OpKind::Memory => Values::unknown(),
            _ => instruction.try_immediate(number).map_or_else(
                |_| Values::unknown(),
                |number| Values::only(Value::Constant(number)),
            ),
        }
    }

    /// The address that `lea` computes.
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

    /// Whatever an instruction writes is unknown after it. The frame stays the frame.
    fn forget(&mut self, instruction: &Instruction, info: &mut InstructionInfoFactory) {
        let written: Vec<_> = info
            .info(instruction)
            .used_registers()
            .iter()
            .filter(|used| {
                !matches!(
                    used.access(),
                    OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
                )
            })
            .map(|used| used.register().full_register())
            .collect();
        for register in written {
            if register != Register::RSP {
                self.set(register, Values::unknown());
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

/// A number moved on by a distance. A frame has no places that are told apart.
fn moved(values: &Values, distance: u64) -> Values {
    values.map(|value| match value {
        Value::Constant(number) => Some(Value::Constant(number.wrapping_add(distance))),
        Value::Frame => Some(Value::Frame),
        Value::Argument(_) => (distance == 0).then_some(value),
    })
}

/// What is left of values that were written to the lower half of a register.
fn halved(values: &Values) -> Values {
    values.map(|value| match value {
        Value::Constant(number) => Some(Value::Constant(number & u64::from(u32::MAX))),
        Value::Argument(_) | Value::Frame => None,
    })
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
