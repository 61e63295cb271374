//! Where in a function its probe goes, and what the kernel does with the instruction there.

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Formatter, Instruction, IntelFormatter};

use super::image::{Image, Machine};

/// Longest x86 instruction in bytes.
const LONGEST: usize = 15;

/// The instruction at an attach point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// It in Intel's syntax; `None` if it could not be decoded here.
    pub instruction: Option<String>,
    /// Whether every supported kernel emulates it. Anything else is single-stepped out of line, which costs
    /// about ten times as much.
    pub emulated: bool,
}

/// Chooses the attach point of a function: its entry, the one place where arguments are where the calling
/// convention puts them, and where a return probe may stand.
pub fn choose(image: &Image, address: u64) -> Option<(u64, Site)> {
    let offset = image.file_offset(address)?;
    let mut bytes = [0; LONGEST];
    let length = image.code(address, &mut bytes);
    let site = match image.machine() {
        Machine::X86_64 => inspect(&bytes[..length], address),
        Machine::Aarch64 | Machine::Other(_) => Site {
            instruction: None,
            emulated: false,
        },
    };
    Some((offset, site))
}

/// Describes the first instruction of x86-64 code.
pub fn inspect(bytes: &[u8], address: u64) -> Site {
    let mut decoder = Decoder::with_ip(64, bytes, address, DecoderOptions::NONE);
    let instruction = decoder.decode();
    if instruction.is_invalid() {
        return Site {
            instruction: None,
            emulated: false,
        };
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
    Site {
        instruction: Some(text),
        emulated: emulated(&instruction, bytes[0]),
    }
}

/// What `arch/x86/kernel/uprobes.c` emulates: `push` of a register, one-byte `nop`, relative `jmp`, `call`
/// and conditional jumps, none of them with an operand-size prefix. Longer nops only on newer kernels.
fn emulated(instruction: &Instruction, first: u8) -> bool {
    if first == 0x66 {
        return false;
    }
    match instruction.code() {
        Code::Push_r64 | Code::Nopd | Code::Jmp_rel8_64 | Code::Jmp_rel32_64 | Code::Call_rel32_64 => true,
        _ => {
            instruction.flow_control() == FlowControl::ConditionalBranch && instruction.is_jcc_short_or_near()
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::sub(&[0x48, 0x83, 0xec, 0x08], "sub rsp, 8", false)]
    #[case::push(&[0x53], "push rbx", true)]
    #[case::push_extended(&[0x41, 0x54], "push r12", true)]
    #[case::push_immediate(&[0x6a, 0x01], "push 1", false)]
    #[case::push_memory(&[0xff, 0x37], "push qword ptr [rdi]", false)]
    #[case::endbr(&[0xf3, 0x0f, 0x1e, 0xfa], "endbr64", false)]
    #[case::nop(&[0x90], "nop", true)]
    #[case::long_nop(&[0x0f, 0x1f, 0x00], "nop [rax]", false)]
    #[case::jump(&[0xeb, 0x10], "jmp 0x1012", true)]
    #[case::call(&[0xe8, 0, 0, 0, 0], "call 0x1005", true)]
    #[case::branch(&[0x74, 0x10], "je 0x1012", true)]
    #[case::near_branch(&[0x0f, 0x84, 0x10, 0, 0, 0], "je 0x1016", true)]
    #[case::count_branch(&[0xe3, 0x10], "jrcxz 0x1012", false)]
    #[case::move_(&[0x48, 0x89, 0xf8], "mov rax, rdi", false)]
    fn known_instructions(#[case] bytes: &[u8], #[case] text: &str, #[case] emulated: bool) {
        let site = inspect(bytes, 0x1000);
        assert_eq!(site.instruction.as_deref(), Some(text));
        assert_eq!(site.emulated, emulated);
    }

    #[rstest]
    #[case::nothing(&[])]
    #[case::truncated(&[0x48, 0x83])]
    #[case::invalid(&[0x06])]
    fn undecodable_code_is_no_instruction(#[case] bytes: &[u8]) {
        let site = inspect(bytes, 0x1000);
        assert_eq!(site.instruction, None);
        assert!(!site.emulated);
    }
}
