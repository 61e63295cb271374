//! What an instruction does to what is known.

use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic, OpKind, Register};

use super::follow::is_written;
use super::operand::{halved, is_conditional_move, is_immediate, is_same, is_whole, moved};
use super::state::{Detail, State};
use crate::code::{Value, Values};

/// Bytes of what is pushed.
const WORD: u64 = 8;

impl State {
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

    pub(super) fn operand(&self, instruction: &Instruction, number: u32) -> Values {
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
}
