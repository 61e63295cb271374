//! A place shortly after a function's entry where everything still stands as it did there.
//!
//! Where the instruction at the entry would have to be single-stepped, the next one that the kernel emulates is as good,
//! if nothing before it writes to an argument's register or moves the stack pointer: arguments are found there, and the
//! return address lies where a return probe looks for it. Builds with control-flow protection begin every function with
//! `endbr64`, and others with the test of an argument.
//!
//! ```text
//! SSL_free:  test rdi, rdi
//!            je   …          ◀── here
//!            push r13
//! ```
//! It is used only if each call passes there just once: the way there has no branches, and none of the instructions that
//! the function can reach leads back to it.

use std::collections::BTreeSet;
use std::ops::Range;

use iced_x86::{FlowControl, InstructionInfoFactory, Register};

use super::emulation::Emulation;
use super::image::{Machine, Symbol};
use super::inner::{bounds, decode, is_import, writes};
use super::site::{self, Code};

/// Instructions before the place.
const BEFORE: usize = 4;
/// Instructions of the function that are looked at. `SSL_free`, the largest that is hooked, has three hundred.
const WHOLE: usize = 4096;
/// What must stand as it did at the entry: the arguments, and where the return address is found.
const KEPT: [Register; 7] = [
    Register::RDI,
    Register::RSI,
    Register::RDX,
    Register::RCX,
    Register::R8,
    Register::R9,
    Register::RSP,
];

/// Address of the place; `None` if none is proven.
pub(super) fn find(file: &impl Code, function: Symbol, emulation: &Emulation) -> Option<u64> {
    if file.machine() != Machine::X86_64 {
        return None;
    }
    proven(
        &|address| file.instruction(address),
        &bounds(function)?,
        emulation,
    )
}

/// `code` gives the bytes at an address, as many as an instruction needs.
fn proven(code: &impl Fn(u64) -> Vec<u8>, function: &Range<u64>, emulation: &Emulation) -> Option<u64> {
    let place = straight_ahead(code, function.start, emulation)?;
    once(code, function, place).then_some(place)
}

/// The first emulated instruction on the way straight ahead, behind instructions that leave alone what must be kept.
fn straight_ahead(code: &impl Fn(u64) -> Vec<u8>, function: u64, emulation: &Emulation) -> Option<u64> {
    let mut registers = InstructionInfoFactory::new();
    let mut at = function;
    for _ in 0..BEFORE {
        let instruction = decode(code, at)?;
        if site::inspect(&code(at), at, emulation).emulated {
            return Some(at);
        }
        if writes(&mut registers, &instruction, &KEPT) || instruction.flow_control() != FlowControl::Next {
            return None;
        }
        at = instruction.next_ip();
    }
    None
}

/// Whether nothing in the function leads back to its beginning, up to and including the place, and nothing leads out of
/// it but to imported functions.
fn once(code: &impl Fn(u64) -> Vec<u8>, function: &Range<u64>, place: u64) -> bool {
    let mut seen = BTreeSet::new();
    let mut places = vec![function.start];
    while let Some(at) = places.pop() {
        if !seen.insert(at) {
            continue;
        }
        if seen.len() > WHOLE || !function.contains(&at) {
            return false;
        }
        let Some(instruction) = decode(code, at) else {
            return false;
        };
        let next = instruction.next_ip();
        match instruction.flow_control() {
            FlowControl::Next => places.push(next),
            FlowControl::Call | FlowControl::IndirectCall => {
                // The last call of a function, the one that reports a smashed stack, does not return.
                if function.contains(&next) {
                    places.push(next);
                }
            }
            flow @ (FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch) => {
                let target = instruction.near_branch_target();
                if (function.start..=place).contains(&target) {
                    return false;
                }
                if function.contains(&target) || !is_import(code, target) {
                    places.push(target);
                }
                if flow == FlowControl::ConditionalBranch {
                    places.push(next);
                }
            }
            FlowControl::Return | FlowControl::Interrupt | FlowControl::Exception => {}
            // Where a jump through a register or a table leads is not to be seen.
            FlowControl::IndirectBranch | FlowControl::XbeginXabortXend => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::target::site::LONGEST;

    const FUNCTION: u64 = 0x1000;

    fn place(text: &str) -> Option<u64> {
        let hex: String = text.split_whitespace().collect();
        let mut bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|index| u8::from_str_radix(&hex[index * 2..index * 2 + 2], 16).unwrap())
            .collect();
        // What is beyond traps.
        bytes.resize(0x40, 0xcc);
        let code = |address: u64| {
            let start = usize::try_from(address.wrapping_sub(FUNCTION)).unwrap_or(usize::MAX);
            bytes
                .get(start..)
                .map_or(vec![], |rest| rest[..rest.len().min(LONGEST)].to_vec())
        };
        proven(&code, &(FUNCTION..FUNCTION + 0x40), &Emulation::default()).map(|place| place - FUNCTION)
    }

    #[rstest]
    #[case::test_and_branch("4885ff 7401 c3 c3", 3)]
    #[case::comparison_and_branch("48837f3000 7401 c3 c3", 5)]
    #[case::protected("f30f1efa 53 5b c3", 4)]
    #[case::loop_that_begins_later("4885ff 7402 85c0 75fc c3", 3)]
    fn the_next_emulated_instruction_is_as_good(#[case] code: &str, #[case] expected: u64) {
        assert_eq!(place(code), Some(expected));
    }

    #[rstest]
    #[case::stack_pointer_moved("4883ec08 7401 c3 4883c408 c3")]
    #[case::argument_written("89c7 7401 c3 c3")]
    #[case::half_of_an_argument_written("31f6 7401 c3 c3")]
    #[case::too_far("85c0 85c0 85c0 85c0 7401 c3 c3")]
    #[case::returns_before("85c0 c3 7401")]
    #[case::loop_through_it("4885ff 7402 ebf9 c3")]
    #[case::loop_to_the_entry("4885ff 7402 ebfa c3")]
    #[case::jump_to_somewhere("4885ff 7402 ffe0 c3")]
    #[case::no_code("4885ff 7402 06 c3")]
    #[case::nothing("")]
    fn what_is_not_proven_is_no_place(#[case] code: &str) {
        assert_eq!(place(code), None);
    }

    #[test]
    fn a_function_that_leads_nowhere_known_is_no_place() {
        // The branch leads out of what there is.
        assert_eq!(place("4885ff 0f8400100000 c3"), None);
    }
}
