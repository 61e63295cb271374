//! Functions of the agent's own that begin with one kind of instruction each and return at once, to be probed.

use crate::target::emulation::Kind;

/// A function to probe.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    function: extern "C" fn(),
}

impl Sample {
    /// The function that begins with this kind; `None` if there is none on this machine.
    pub(super) fn of(kind: Kind) -> Option<Self> {
        Some(Self {
            function: functions::of(kind)?,
        })
    }

    /// Where it begins.
    pub(super) fn address(self) -> u64 {
        self.function as usize as u64
    }

    /// Runs it.
    pub(super) fn call(self) {
        (self.function)();
    }
}

#[cfg(target_arch = "x86_64")]
mod functions {
    use super::Kind;

    // Each changes nothing but registers that belong to the callee, and leaves the stack as it was. They are aligned,
    // so that no instruction lies on two pages: kernels treat those differently. Those whose encoding is their kind are
    // spelt in bytes.
    core::arch::global_asm!(
        ".macro wrongway_sample name",
        ".p2align 4",
        ".globl wrongway_sample_\\name",
        ".hidden wrongway_sample_\\name",
        ".type wrongway_sample_\\name, @function",
        "wrongway_sample_\\name:",
        ".endm",
        ".pushsection .text.wrongway_samples, \"ax\", @progbits",
        "wrongway_sample clear_carry",
        ".byte 0xf8",
        "ret",
        "wrongway_sample push",
        ".byte 0x53",
        "pop rbx",
        "ret",
        "wrongway_sample push_extended",
        ".byte 0x41, 0x54",
        "pop r12",
        "ret",
        "wrongway_sample nop",
        ".byte 0x90",
        "ret",
        "wrongway_sample nop_of_five",
        ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00",
        "ret",
        "wrongway_sample nop_long",
        ".byte 0x0f, 0x1f, 0x40, 0x00",
        "ret",
        "wrongway_sample jump",
        ".byte 0xeb, 0x00",
        "ret",
        "wrongway_sample branch",
        ".byte 0x74, 0x00",
        "ret",
        "wrongway_sample call",
        // Of the second of the two that follow; it returns to the first.
        ".byte 0xe8, 0x01, 0x00, 0x00, 0x00",
        "ret",
        "ret",
        "wrongway_sample end_branch",
        ".byte 0xf3, 0x0f, 0x1e, 0xfa",
        "ret",
        "wrongway_sample subtract",
        ".byte 0x48, 0x83, 0xec, 0x08",
        "add rsp, 8",
        "ret",
        "wrongway_sample move",
        ".byte 0x48, 0x89, 0xf8",
        "ret",
        ".popsection",
        ".purgem wrongway_sample",
    );

    // SAFETY: the functions above take nothing, return nothing and keep the calling convention.
    unsafe extern "C" {
        safe fn wrongway_sample_clear_carry();
        safe fn wrongway_sample_push();
        safe fn wrongway_sample_push_extended();
        safe fn wrongway_sample_nop();
        safe fn wrongway_sample_nop_of_five();
        safe fn wrongway_sample_nop_long();
        safe fn wrongway_sample_jump();
        safe fn wrongway_sample_branch();
        safe fn wrongway_sample_call();
        safe fn wrongway_sample_end_branch();
        safe fn wrongway_sample_subtract();
        safe fn wrongway_sample_move();
    }

    pub(super) fn of(kind: Kind) -> Option<extern "C" fn()> {
        let function: extern "C" fn() = match kind {
            Kind::ClearCarry => wrongway_sample_clear_carry,
            Kind::Push => wrongway_sample_push,
            Kind::PushExtended => wrongway_sample_push_extended,
            Kind::Nop => wrongway_sample_nop,
            Kind::NopOfFive => wrongway_sample_nop_of_five,
            Kind::NopLong => wrongway_sample_nop_long,
            Kind::Jump => wrongway_sample_jump,
            Kind::Branch => wrongway_sample_branch,
            Kind::Call => wrongway_sample_call,
            Kind::EndBranch => wrongway_sample_end_branch,
            Kind::Subtract => wrongway_sample_subtract,
            Kind::Move => wrongway_sample_move,
            Kind::Other => return None,
        };
        Some(function)
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod functions {
    use super::Kind;

    /// Kinds are those of x86-64.
    pub(super) fn of(_: Kind) -> Option<extern "C" fn()> {
        None
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use std::{fs::File, os::unix::fs::FileExt as _};

    use iced_x86::{Decoder, DecoderOptions};

    use super::*;
    use crate::kernel::emulation::file_offset;

    #[test]
    fn each_begins_with_its_kind_and_returns() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let executable = File::open("/proc/self/exe").unwrap();
        for kind in Kind::MEASURED {
            let sample = Sample::of(kind).unwrap();
            let mut bytes = [0; 15];
            let offset = file_offset(&maps, sample.address()).unwrap();
            executable.read_exact_at(&mut bytes, offset).unwrap();
            let instruction = Decoder::new(64, &bytes, DecoderOptions::NONE).decode();
            assert_eq!(Kind::of(&bytes, &instruction), kind);
            sample.call();
        }
    }
}
