//! What the operands of an instruction are, and what is left of values that go through them.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use crate::code::{Value, Values};

/// Number of a general register; `None` for others.
pub(super) fn place(register: Register) -> Option<usize> {
    let full = register.full_register();
    full.is_gpr64().then(|| full.number())
}

/// A number or a place in the frame, moved on by a distance.
pub(super) fn moved(values: &Values, distance: u64) -> Values {
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
pub(super) fn halved(values: &Values) -> Values {
    values.map(|value| match value {
        Value::Constant(number) => Some(Value::Constant(number & u64::from(u32::MAX))),
        Value::Argument(number) | Value::Low(number) => Some(Value::Low(number)),
        Value::Result | Value::Failed => Some(value),
        Value::Frame(_) | Value::Loaded(_) => None,
    })
}

/// Whether the first operand is a general register, or its lower half, which clears the rest.
pub(super) fn is_whole(instruction: &Instruction) -> bool {
    let register = instruction.op0_register();
    instruction.op0_kind() == OpKind::Register && place(register).is_some() && register.size() >= 4
}

pub(super) fn is_same(instruction: &Instruction) -> bool {
    instruction.op1_kind() == OpKind::Register && instruction.op0_register() == instruction.op1_register()
}

pub(super) fn is_immediate(instruction: &Instruction) -> bool {
    instruction.op_count() == 2 && instruction.try_immediate(1).is_ok()
}

pub(super) fn is_conditional_move(instruction: &Instruction) -> bool {
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
