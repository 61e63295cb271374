//! What the flags tell, and so the ways that a conditional jump leads.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use super::operand::{is_immediate, is_same};
use super::state::{Detail, State};
use crate::code::Value;

/// Where programs keep what tells them that their stack was overwritten (x86-64 psABI, `-fstack-protector`): the segment
/// and the distance.
const CANARY: (Register, u64) = (Register::FS, 0x28);

/// What the flags tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flags {
    Unknown,
    /// How what the last call gave back compares with 0.
    Result,
    /// Whether the stack was overwritten.
    Canary,
}

impl State {
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

    pub(super) fn flags_after(&self, instruction: &Instruction) -> Flags {
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
}
