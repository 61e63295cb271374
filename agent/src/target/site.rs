//! Where in a function its probe goes, and what the kernel does with the instruction there.

use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};

use super::emulation::{Cost, Emulation, Kind};
use super::image::{Image, Machine};
use crate::code::Program;

/// Longest x86 instruction in bytes.
pub(super) const LONGEST: usize = 15;

/// The instruction at an attach point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// It in Intel's syntax; `None` if it could not be decoded here.
    pub instruction: Option<String>,
    /// What it is to the kernel.
    pub kind: Kind,
    /// Whether the kernel emulates it. Anything else is single-stepped out of line, which costs several times as much.
    pub emulated: bool,
    /// What a probe there costs with each call, if that was measured.
    pub cost: Option<Cost>,
}

impl Site {
    /// Where no instruction could be decoded.
    const UNKNOWN: Self = Self {
        instruction: None,
        kind: Kind::Other,
        emulated: false,
        cost: None,
    };
}

/// A file whose code is read by its virtual addresses.
pub(super) trait Code {
    /// What the code runs on.
    fn machine(&self) -> Machine;

    /// Where in the file the code at an address is.
    fn file_offset(&self, address: u64) -> Option<u64>;

    /// Copies code from an address on; gives how many bytes there were.
    fn code(&self, address: u64, buffer: &mut [u8]) -> usize;

    /// As many bytes as an instruction at this address can have.
    fn instruction(&self, address: u64) -> Vec<u8> {
        let mut bytes = [0; LONGEST];
        let length = self.code(address, &mut bytes);
        bytes[..length].to_vec()
    }
}

impl Code for Image {
    fn machine(&self) -> Machine {
        self.machine()
    }

    fn file_offset(&self, address: u64) -> Option<u64> {
        self.file_offset(address)
    }

    fn code(&self, address: u64, buffer: &mut [u8]) -> usize {
        self.code(address, buffer)
    }
}

impl Code for Program {
    fn machine(&self) -> Machine {
        self.machine()
    }

    fn file_offset(&self, address: u64) -> Option<u64> {
        self.file_offset(address)
    }

    fn code(&self, address: u64, buffer: &mut [u8]) -> usize {
        self.bytes(address, buffer)
    }
}

/// Chooses the attach point of a function: its entry, the one place where arguments are where the calling
/// convention puts them, and where a return probe may stand.
pub(super) fn choose(code: &impl Code, address: u64, emulation: &Emulation) -> Option<(u64, Site)> {
    let offset = code.file_offset(address)?;
    let site = match code.machine() {
        Machine::X86_64 => inspect(&code.instruction(address), address, emulation),
        Machine::Aarch64 | Machine::Other(_) => Site::UNKNOWN,
    };
    Some((offset, site))
}

/// Describes the first instruction of x86-64 code.
pub fn inspect(bytes: &[u8], address: u64, emulation: &Emulation) -> Site {
    let mut decoder = Decoder::with_ip(64, bytes, address, DecoderOptions::NONE);
    let instruction = decoder.decode();
    if instruction.is_invalid() {
        return Site::UNKNOWN;
    }
    let mut text = String::new();
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_space_after_operand_separator(true);
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    options.set_uppercase_hex(false);
    formatter.format(&instruction, &mut text);
    let kind = Kind::of(bytes, &instruction);
    Site {
        instruction: Some(text),
        kind,
        emulated: emulation.emulates(kind),
        cost: emulation.cost(kind),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::sub(&[0x48, 0x83, 0xec, 0x08], "sub rsp, 8", Kind::Subtract)]
    #[case::sub_large(&[0x48, 0x81, 0xec, 0, 1, 0, 0], "sub rsp, 0x100", Kind::Other)]
    #[case::sub_other(&[0x48, 0x83, 0xe8, 0x08], "sub rax, 8", Kind::Other)]
    #[case::push(&[0x53], "push rbx", Kind::Push)]
    #[case::push_extended(&[0x41, 0x54], "push r12", Kind::PushExtended)]
    #[case::push_long(&[0x48, 0x53], "push rbx", Kind::Other)]
    #[case::push_immediate(&[0x6a, 0x01], "push 1", Kind::Other)]
    #[case::push_memory(&[0xff, 0x37], "push qword ptr [rdi]", Kind::Other)]
    #[case::endbr(&[0xf3, 0x0f, 0x1e, 0xfa], "endbr64", Kind::EndBranch)]
    #[case::nop(&[0x90], "nop", Kind::Nop)]
    #[case::pause(&[0xf3, 0x90], "pause", Kind::Other)]
    #[case::long_nop(&[0x0f, 0x1f, 0x00], "nop [rax]", Kind::NopLong)]
    #[case::nop_of_five(&[0x0f, 0x1f, 0x44, 0, 0], "nop [rax+rax]", Kind::NopOfFive)]
    #[case::jump(&[0xeb, 0x10], "jmp 0x1012", Kind::Jump)]
    #[case::call(&[0xe8, 0, 0, 0, 0], "call 0x1005", Kind::Call)]
    #[case::short_call(&[0x66, 0xe8, 0, 0, 0, 0], "call 0x1006", Kind::Other)]
    #[case::branch(&[0x74, 0x10], "je 0x1012", Kind::Branch)]
    #[case::near_branch(&[0x0f, 0x84, 0x10, 0, 0, 0], "je 0x1016", Kind::Branch)]
    #[case::count_branch(&[0xe3, 0x10], "jrcxz 0x1012", Kind::Other)]
    #[case::move_(&[0x48, 0x89, 0xf8], "mov rax, rdi", Kind::Move)]
    #[case::load(&[0x48, 0x8b, 0x07], "mov rax, [rdi]", Kind::Other)]
    #[case::clear_carry(&[0xf8], "clc", Kind::ClearCarry)]
    fn known_instructions(#[case] bytes: &[u8], #[case] text: &str, #[case] kind: Kind) {
        let site = inspect(bytes, 0x1000, &Emulation::default());
        assert_eq!(site.instruction.as_deref(), Some(text));
        assert_eq!(site.kind, kind);
        assert_eq!(site.emulated, kind.is_emulated_everywhere());
        assert_eq!(site.cost, None);
    }

    #[test]
    fn what_was_measured_goes_before_what_is_common() {
        let emulation = Emulation::measured(|kind| {
            let nanoseconds = if kind == Kind::Subtract { 500 } else { 5000 };
            Some(Cost { nanoseconds })
        });
        let site = inspect(&[0x48, 0x83, 0xec, 0x08], 0x1000, &emulation);
        assert!(site.emulated);
        assert_eq!(site.cost, Some(Cost { nanoseconds: 500 }));
        assert!(!inspect(&[0x53], 0x1000, &emulation).emulated);
    }

    #[rstest]
    #[case::nothing(&[])]
    #[case::truncated(&[0x48, 0x83])]
    #[case::invalid(&[0x06])]
    fn undecodable_code_is_no_instruction(#[case] bytes: &[u8]) {
        assert_eq!(inspect(bytes, 0x1000, &Emulation::default()), Site::UNKNOWN);
    }
}
