//! Which instructions the kernel emulates under a probe, and what a probe on each costs.
//!
//! An instruction that the kernel emulates costs the observed process one trap. Any other is copied aside and
//! single-stepped there, which takes a second trap and costs several times as much. Which are emulated differs between
//! kernels; [`crate::kernel`] measures the one that runs.

use std::fmt;

use iced_x86::{Code, FlowControl, Instruction, OpKind, Register};

/// A kind of instruction that kernels treat alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `clc`, the reference: no compiler begins a function with it, so that no kernel has a reason to emulate it.
    ClearCarry,
    /// `push` of one of the eight old registers: one byte.
    Push,
    /// `push` of `r8` to `r15`: two bytes.
    PushExtended,
    /// `nop` of one byte.
    Nop,
    /// `nop` of five bytes, `0f 1f 44 00 00`: some kernels put a call in its place.
    NopOfFive,
    /// `nop` of another length, without a prefix.
    NopLong,
    /// Relative `jmp`.
    Jump,
    /// Relative conditional jump.
    Branch,
    /// Relative `call`.
    Call,
    /// `endbr64`.
    EndBranch,
    /// `sub rsp, n` where `n` is a byte.
    Subtract,
    /// `mov` from one 64-bit register to another.
    Move,
    /// Anything else.
    Other,
}

impl Kind {
    /// Those that can be measured, in the order in which they are: the most needed first.
    pub const MEASURED: [Self; 12] = [
        Self::ClearCarry,
        Self::Push,
        Self::PushExtended,
        Self::Subtract,
        Self::EndBranch,
        Self::Move,
        Self::Nop,
        Self::NopOfFive,
        Self::NopLong,
        Self::Jump,
        Self::Branch,
        Self::Call,
    ];

    /// The kind of an x86-64 instruction and of its `bytes`.
    pub fn of(bytes: &[u8], instruction: &Instruction) -> Self {
        // With an operand-size prefix, processors disagree about the length; kernels do not emulate it.
        if prefixes(bytes).contains(&0x66) {
            return Self::Other;
        }
        match (instruction.code(), bytes) {
            (Code::Clc, _) => Self::ClearCarry,
            (Code::Push_r64, [0x50..=0x57, ..]) => Self::Push,
            // Another prefix of the same length means the same to the processor, and is foreign to the kernel.
            (Code::Push_r64, [0x41, 0x50..=0x57, ..]) => Self::PushExtended,
            (Code::Nopd, [0x90, ..]) => Self::Nop,
            (Code::Nop_rm32, [0x0f, 0x1f, 0x44, 0, 0, ..]) => Self::NopOfFive,
            (Code::Nop_rm32, [0x0f, 0x1f, ..]) => Self::NopLong,
            (Code::Jmp_rel8_64 | Code::Jmp_rel32_64, _) => Self::Jump,
            (Code::Call_rel32_64, _) => Self::Call,
            (Code::Endbr64, _) => Self::EndBranch,
            (Code::Sub_rm64_imm8, _) if instruction.op0_register() == Register::RSP => Self::Subtract,
            (Code::Mov_rm64_r64 | Code::Mov_r64_rm64, _)
                if [instruction.op0_kind(), instruction.op1_kind()] == [OpKind::Register; 2] =>
            {
                Self::Move
            }
            _ if instruction.flow_control() == FlowControl::ConditionalBranch
                && instruction.is_jcc_short_or_near() =>
            {
                Self::Branch
            }
            _ => Self::Other,
        }
    }

    /// The name in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClearCarry => "clc",
            Self::Push => "push",
            Self::PushExtended => "push_extended",
            Self::Nop => "nop",
            Self::NopOfFive => "nop_of_five",
            Self::NopLong => "nop_long",
            Self::Jump => "jmp",
            Self::Branch => "jcc",
            Self::Call => "call",
            Self::EndBranch => "endbr64",
            Self::Subtract => "sub",
            Self::Move => "mov",
            Self::Other => "other",
        }
    }

    /// Whether every supported kernel emulates it: `arch/x86/kernel/uprobes.c` has done so since before them all.
    pub const fn is_emulated_everywhere(self) -> bool {
        matches!(
            self,
            Self::Push | Self::PushExtended | Self::Nop | Self::Jump | Self::Branch | Self::Call
        )
    }
}

/// The legacy prefixes that an instruction begins with.
fn prefixes(bytes: &[u8]) -> &[u8] {
    let is_prefix = |byte: &u8| matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3);
    let length = bytes.iter().take_while(|byte| is_prefix(byte)).count();
    &bytes[..length]
}

/// What one hit of a probe costs the process that runs into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// Nanoseconds, with a program that does nothing.
    pub nanoseconds: u64,
}

/// How much cheaper than the reference an emulated instruction is at least.
///
/// Single-stepping takes a second trap and more work around it. On Linux 6.18 in a virtual machine it costs seven times
/// as much as emulation, and kinds that are treated alike differ by up to 40 %: half is far from both, so that noise moves
/// no instruction across.
const MUCH_CHEAPER: u64 = 2;

/// What is known of the kernel that runs. By default nothing is measured, and what every supported kernel emulates is
/// taken to be emulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emulation {
    kinds: [(Kind, Option<Cost>); Kind::MEASURED.len()],
    /// What entry and return of a function that begins with `push` cost together; `None` if not measured.
    pub pair: Option<Cost>,
}

impl Default for Emulation {
    fn default() -> Self {
        Self::measured(|_| None)
    }
}

impl Emulation {
    /// From what a probe on each kind costs; `None` if that is unknown.
    pub fn measured(cost: impl FnMut(Kind) -> Option<Cost>) -> Self {
        let mut cost = cost;
        Self {
            kinds: Kind::MEASURED.map(|kind| (kind, cost(kind))),
            pair: None,
        }
    }

    /// Each kind, and what a probe on it costs if that was measured.
    pub fn kinds(&self) -> &[(Kind, Option<Cost>)] {
        &self.kinds
    }

    /// Whether the costs tell which kinds are emulated: the reference was measured, and something is much cheaper.
    /// Otherwise all may be slow for a reason of the machine's.
    pub fn is_conclusive(&self) -> bool {
        self.kinds
            .iter()
            .any(|&(_, cost)| self.is_much_cheaper(cost) == Some(true))
    }

    /// Whether the kernel emulates instructions of this kind: by its cost where the costs tell, else if every supported
    /// kernel does.
    pub fn emulates(&self, kind: Kind) -> bool {
        let by_cost = || self.is_much_cheaper(self.measured_cost(kind));
        self.is_conclusive()
            .then(by_cost)
            .flatten()
            .unwrap_or(kind.is_emulated_everywhere())
    }

    /// What a probe on an instruction of this kind is expected to cost; `None` if that was not measured. Those that
    /// cannot be measured are single-stepped as the reference is.
    pub fn cost(&self, kind: Kind) -> Option<Cost> {
        match kind {
            Kind::Other => self.measured_cost(Kind::ClearCarry),
            kind => self.measured_cost(kind),
        }
    }

    fn measured_cost(&self, kind: Kind) -> Option<Cost> {
        self.kinds.iter().find(|(known, _)| *known == kind)?.1
    }

    /// Whether this is below half of the reference.
    fn is_much_cheaper(&self, cost: Option<Cost>) -> Option<bool> {
        let reference = self.measured_cost(Kind::ClearCarry)?;
        Some(cost?.nanoseconds.saturating_mul(MUCH_CHEAPER) < reference.nanoseconds)
    }
}

/// Each kind with its cost, and what costs less is emulated: `push 812 ns emulated, sub 7120 ns`.
impl fmt::Display for Emulation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kind, cost)) in self.kinds.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{}", kind.as_str())?;
            match cost {
                Some(cost) => write!(formatter, " {} ns", cost.nanoseconds)?,
                None => formatter.write_str(" not measured")?,
            }
            if self.emulates(*kind) {
                formatter.write_str(" emulated")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emulation(costs: &[(Kind, u64)]) -> Emulation {
        Emulation::measured(|kind| {
            let (_, nanoseconds) = *costs.iter().find(|(known, _)| *known == kind)?;
            Some(Cost { nanoseconds })
        })
    }

    #[test]
    fn without_costs_what_every_kernel_emulates_is_emulated() {
        let emulation = Emulation::default();
        assert!(!emulation.is_conclusive());
        assert!(emulation.emulates(Kind::Push));
        assert!(!emulation.emulates(Kind::Subtract));
        assert_eq!(emulation.cost(Kind::Push), None);
    }

    #[test]
    fn what_costs_less_than_half_of_the_reference_is_emulated() {
        let emulation = emulation(&[
            (Kind::ClearCarry, 2000),
            (Kind::Push, 999),
            (Kind::Nop, 1000),
            (Kind::NopOfFive, 90),
            (Kind::Subtract, 2100),
        ]);
        assert!(emulation.emulates(Kind::Push));
        assert!(emulation.emulates(Kind::NopOfFive));
        assert!(!emulation.emulates(Kind::Nop));
        assert!(!emulation.emulates(Kind::Subtract));
    }

    #[test]
    fn a_kernel_that_emulates_more_is_believed() {
        let emulation = emulation(&[(Kind::ClearCarry, 7000), (Kind::Push, 800), (Kind::Subtract, 820)]);
        assert!(emulation.emulates(Kind::Subtract));
    }

    #[test]
    fn a_kind_that_was_not_measured_is_as_everywhere() {
        let emulation = emulation(&[(Kind::ClearCarry, 7000), (Kind::Push, 800)]);
        assert!(emulation.emulates(Kind::Call));
        assert!(!emulation.emulates(Kind::EndBranch));
        assert!(!emulation.emulates(Kind::Other));
    }

    #[test]
    fn without_a_reference_costs_tell_nothing() {
        let emulation = emulation(&[(Kind::Push, 7000), (Kind::Subtract, 10)]);
        assert!(!emulation.is_conclusive());
        assert!(emulation.emulates(Kind::Push));
        assert!(!emulation.emulates(Kind::Subtract));
    }

    #[test]
    fn where_all_cost_the_same_costs_tell_nothing() {
        let emulation = Emulation::measured(|_| Some(Cost { nanoseconds: 5000 }));
        assert!(!emulation.is_conclusive());
        assert!(emulation.emulates(Kind::Push));
        assert!(!emulation.emulates(Kind::Move));
    }

    #[test]
    fn another_kind_costs_what_the_reference_does() {
        let emulation = emulation(&[(Kind::ClearCarry, 7000)]);
        assert_eq!(emulation.cost(Kind::Other), Some(Cost { nanoseconds: 7000 }));
        assert_eq!(emulation.cost(Kind::Push), None);
    }

    #[test]
    fn it_is_told_in_one_line() {
        let line = emulation(&[(Kind::ClearCarry, 7000), (Kind::Push, 800)]).to_string();
        assert!(
            line.starts_with("clc 7000 ns, push 800 ns emulated, push_extended not measured emulated"),
            "{line}"
        );
        assert!(!line.contains('\n'));
    }
}
