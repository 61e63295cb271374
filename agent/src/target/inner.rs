//! The function inside two others: what `SSL_read` and `SSL_read_ex` both call, and `SSL_write` and `SSL_write_ex`.
//!
//! Where the exported functions begin with an instruction that the kernel can only single-step, a probe there costs
//! the observed process about ten times as much as one on a `push`. Compilers give the large functions inside, which
//! do the work, a `push` to begin with. One probe there serves both outer functions:
//!
//! ```text
//! SSL_read_ex(ssl, buf, num, readbytes) ── same arguments ──▶ inner(ssl, buf, num, readbytes)
//! SSL_read   (ssl, buf, num) ── same ssl and buf, &readbytes ──▶
//! ```
//! It is used only where the code of this very build proves that: the first thing `_ex` does is to call it with all
//! four argument registers untouched, the plain function calls the same one with `ssl` and `buf` untouched, and every
//! other path through either calls nothing but imported functions (which raise errors) before it returns.

use std::collections::BTreeSet;
use std::ops::Range;

use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, OpAccess, Register,
};

use super::emulation::Emulation;
use super::image::{Image, Machine, Symbol};
use super::site::{self, Code as _};

/// Instructions before the call. Known builds have at most eight.
const BEFORE: usize = 24;
/// Instructions of the rest of an outer function. Known builds have about forty.
const REST: usize = 256;

/// Address of the inner function; `None` if it is not proven or would not be cheaper.
pub(super) fn find(image: &Image, plain: Symbol, ex: Symbol, emulation: &Emulation) -> Option<u64> {
    if image.machine() != Machine::X86_64 {
        return None;
    }
    let code = |address| image.instruction(address);
    let inner = proven(&code, bounds(plain)?, bounds(ex)?)?;
    site::inspect(&code(inner), inner, emulation)
        .emulated
        .then_some(inner)
}

pub(super) fn bounds(symbol: Symbol) -> Option<Range<u64>> {
    (symbol.size > 0).then_some(symbol.address..symbol.address.checked_add(symbol.size)?)
}

/// `code` gives the bytes at an address, as many as an instruction needs.
fn proven(code: &impl Fn(u64) -> Vec<u8>, plain: Range<u64>, ex: Range<u64>) -> Option<u64> {
    let whole = first_call(
        code,
        ex.start,
        &[Register::RDI, Register::RSI, Register::RDX, Register::RCX],
    )?;
    let part = first_call(code, plain.start, &[Register::RDI, Register::RSI])?;
    if whole.target != part.target || !whole.branches.is_empty() {
        return None;
    }
    let rest = part.branches.into_iter().chain([part.next]).collect();
    let proven = only_imports(code, &ex, vec![whole.next]) && only_imports(code, &plain, rest);
    proven.then_some(whole.target)
}

/// The first call of a function.
struct FirstCall {
    target: u64,
    /// Where it goes on after the call.
    next: u64,
    /// Where conditional jumps before the call lead.
    branches: Vec<u64>,
}

/// The first call on the way straight ahead, if nothing before it writes to the `kept` registers.
fn first_call(code: &impl Fn(u64) -> Vec<u8>, address: u64, kept: &[Register]) -> Option<FirstCall> {
    let mut registers = InstructionInfoFactory::new();
    let mut branches = Vec::new();
    let mut at = address;
    for _ in 0..BEFORE {
        let instruction = decode(code, at)?;
        match instruction.flow_control() {
            FlowControl::Next => {
                // Sign extension of `num`, and a pointer to a local, are what plain functions do to the others.
                if writes(&mut registers, &instruction, kept) {
                    return None;
                }
            }
            FlowControl::ConditionalBranch => branches.push(instruction.near_branch_target()),
            FlowControl::Call if instruction.code() == Code::Call_rel32_64 => {
                let target = instruction.near_branch_target();
                return Some(FirstCall {
                    target,
                    next: instruction.next_ip(),
                    branches,
                });
            }
            _ => return None,
        }
        at = instruction.next_ip();
    }
    None
}

/// Whether an instruction writes to one of these registers, or to a part of one.
pub(super) fn writes(
    registers: &mut InstructionInfoFactory,
    instruction: &Instruction,
    kept: &[Register],
) -> bool {
    let used = registers.info(instruction).used_registers();
    used.iter().any(|used| {
        !matches!(
            used.access(),
            OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
        ) && kept.contains(&used.register().full_register())
    })
}

/// Whether all that can be reached from these places of a function returns and calls nothing but imported functions.
fn only_imports(code: &impl Fn(u64) -> Vec<u8>, bounds: &Range<u64>, mut places: Vec<u64>) -> bool {
    let mut seen = BTreeSet::new();
    while let Some(at) = places.pop() {
        if !seen.insert(at) {
            continue;
        }
        if seen.len() > REST || !bounds.contains(&at) {
            return false;
        }
        let Some(instruction) = decode(code, at) else {
            return false;
        };
        match instruction.flow_control() {
            FlowControl::Next => places.push(instruction.next_ip()),
            FlowControl::Return => {}
            FlowControl::ConditionalBranch => {
                places.extend([instruction.next_ip(), instruction.near_branch_target()]);
            }
            FlowControl::UnconditionalBranch => places.push(instruction.near_branch_target()),
            FlowControl::Call
                if instruction.code() == Code::Call_rel32_64
                    && is_import(code, instruction.near_branch_target()) =>
            {
                // The last call of a function, the one that reports a smashed stack, does not return.
                if bounds.contains(&instruction.next_ip()) {
                    places.push(instruction.next_ip());
                }
            }
            _ => return false,
        }
    }
    true
}

/// Whether this is an entry of the procedure linkage table: a jump through a pointer.
pub(super) fn is_import(code: &impl Fn(u64) -> Vec<u8>, address: u64) -> bool {
    let Some(first) = decode(code, address) else {
        return false;
    };
    let jump = if first.code() == Code::Endbr64 {
        decode(code, first.next_ip())
    } else {
        Some(first)
    };
    jump.is_some_and(|jump| jump.code() == Code::Jmp_rm64 && jump.is_ip_rel_memory_operand())
}

pub(super) fn decode(code: &impl Fn(u64) -> Vec<u8>, address: u64) -> Option<Instruction> {
    let bytes = code(address);
    let instruction = Decoder::with_ip(64, &bytes, address, DecoderOptions::NONE).decode();
    (!instruction.is_invalid()).then_some(instruction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::site::LONGEST;

    /// Addresses of what the tests assemble.
    const PLAIN: u64 = 0x1000;
    const EX: u64 = 0x1100;
    const INNER: u64 = 0x1200;
    const IMPORT: u64 = 0x1300;

    struct Memory(Vec<u8>);

    impl Memory {
        fn new(plain: &str, ex: &str) -> Self {
            let mut memory = Self(vec![0xcc; 0x400]);
            memory.put(PLAIN, plain);
            memory.put(EX, ex);
            // push rbx; ret
            memory.put(INNER, "53c3");
            // jmp [rip+0x100]
            memory.put(IMPORT, "ff2500010000");
            memory
        }

        fn put(&mut self, address: u64, code: &str) {
            let start = usize::try_from(address - PLAIN).unwrap();
            let code: Vec<_> = code.split_whitespace().collect();
            let code = code.concat();
            for index in 0..code.len() / 2 {
                self.0[start + index] = u8::from_str_radix(&code[index * 2..index * 2 + 2], 16).unwrap();
            }
        }

        fn inner(&self) -> Option<u64> {
            let code = |address: u64| {
                let start = usize::try_from(address.wrapping_sub(PLAIN)).unwrap_or(usize::MAX);
                self.0
                    .get(start..)
                    .map_or(vec![], |rest| rest[..rest.len().min(LONGEST)].to_vec())
            };
            proven(&code, PLAIN..PLAIN + 0x40, EX..EX + 0x40)
        }
    }

    /// sub rsp,24; test edx,edx; js +0x0e; mov rcx,rsp; movsxd rdx,edx; call INNER; add rsp,24; ret; then, for the
    /// jump, call IMPORT; ret
    const READ: &str = "4883ec18 85d2 7810 4889e1 4863d2 e8ed010000 4883c418 c3 e8e3020000 c3";
    /// sub rsp,8; call INNER; add rsp,8; ret
    const READ_EX: &str = "4883ec08 e8f7000000 4883c408 c3";

    #[test]
    fn what_both_call_is_found() {
        assert_eq!(Memory::new(READ, READ_EX).inner(), Some(INNER));
    }

    #[test]
    fn an_argument_that_is_changed_on_the_way_is_no_proof() {
        // mov rdi,rax before the call of _ex; then xor ecx,ecx
        assert_eq!(
            Memory::new(READ, "4883ec08 4889c7 e8f4000000 4883c408 c3").inner(),
            None
        );
        assert_eq!(
            Memory::new(READ, "4883ec08 31c9 e8f5000000 4883c408 c3").inner(),
            None
        );
        // The plain one changes its buffer: mov rsi,rsp
        assert_eq!(
            Memory::new("4883ec18 4889e6 e8f4010000 4883c418 c3", READ_EX).inner(),
            None
        );
    }

    #[test]
    fn two_different_inner_functions_are_no_proof() {
        assert_eq!(Memory::new(READ, "4883ec08 e8f8000000 4883c408 c3").inner(), None);
    }

    #[test]
    fn a_path_that_calls_something_of_its_own_is_no_proof() {
        // The jump leads to a call of INNER rather than of an import: it could do the work unseen.
        let read = "4883ec18 85d2 7810 4889e1 4863d2 e8ed010000 4883c418 c3 e8e3010000 c3";
        assert_eq!(Memory::new(read, READ_EX).inner(), None);
    }

    #[test]
    fn a_jump_through_a_register_is_no_proof() {
        // jmp rax after the call
        assert_eq!(Memory::new(READ, "4883ec08 e8f7000000 ffe0").inner(), None);
    }

    #[test]
    fn code_that_breaks_off_or_runs_in_circles_is_no_proof() {
        assert_eq!(Memory::new("4883ec18", READ_EX).inner(), None);
        assert_eq!(Memory::new("ebfe", READ_EX).inner(), None);
        assert_eq!(Memory::new(READ, "06").inner(), None);
    }
}
