use rstest::rstest;

use super::*;
use crate::code::sample::{CODE, digits, program};

/// mov r8,rcx; xor ecx,ecx; jmp to the reader
const READ: &str = "4989c8 31c9 e90d000000";
/// mov r8,rcx; mov ecx,1; jmp to the reader
const PEEK: &str = "4989c8 b901000000 e900000000";
/// As Debian's build of 3.0 does, but for what it does after the call: push rbx; push rbp; push r14; push r13;
/// mov rbx,rdi; mov rbp,rsi; mov r14,r8; mov r13d,ecx; mov r9d,ecx; mov r8,rdx; mov rcx,rsi; mov esi,23;
/// xor edx,edx; mov rax,[rdi+8]; sub rsp,8; push r14; call [rax+0x68]; pop rcx; pop rcx; cmp eax,-1; je to the next;
/// pop r13; pop r14; pop rbp; pop rbx; ret
const READER: &str = "53 55 4156 4155 4889fb 4889f5 4d89c6 4189cd 4189c9 4989d0 4889f1 be17000000 31d2 488b4708 \
                      4883ec08 4156 ff5068 59 59 83f8ff 7400 415d 415e 5d 5b c3";
/// mov r8,rcx; mov rcx,rdx; mov rdx,rsi; mov esi,23; mov rax,[rdi+8]; mov rax,[rax+0x70]; jmp rax
const WRITE: &str = "4989c8 4889d1 4889f2 be17000000 488b4708 488b4070 ffe0";
/// push r13; push r12; push rbp; mov r13,rdi; mov ebp,esi; sub rsp,40; mov [rsp],rdx; mov [rsp+24],r8; cmp rcx,0x4000;
/// jae to the way aside; mov rdi,r13; call; test eax,eax; jle to the failure
const WRITER_BEGINS: &str = "4155 4154 55 4989fd 89f5 4883ec28 48891424 4c89442418 4881f900400000 7329 4c89ef e800000000 \
                             85c0 7e0f";
/// mov rax,[rsp+24]; mov edx,1; mov [rax],r14; jmp over the failure
const WRITER_SUCCEEDS: &str = "488b442418 ba01000000 4c8930 eb02";
/// The failure: mov edx,eax. The end: add rsp,40; mov eax,edx; pop rbp; pop r12; pop r13; ret
const WRITER_ENDS: &str = "89c2 4883c428 89d0 5d 415c 415d c3";
/// The way on which the registers change places: mov r12,r13; mov [rsp+16],ebp; mov r13,rcx; mov rdi,r12; xor ebp,ebp;
/// call; test eax,eax; jg to the success; jmp to the failure
const WRITER_ASIDE: &str = "4d89ec 896c2410 4989cd 4c89e7 31ed e800000000 85c0 7fcb ebd8";

/// A library of these functions, one behind the other, and their addresses.
fn library<'a, const COUNT: usize>(
    codes: [&str; COUNT],
    emulation: &'a Emulation,
) -> (Library<'a>, [u64; COUNT]) {
    let mut start = CODE;
    let functions = codes.map(|code| {
        let length = u32::try_from(digits(code).len()).unwrap();
        let function = (start, length);
        start += u64::from(length);
        function
    });
    let program = program(&codes.concat(), b"");
    let library = Library {
        functions: Functions::of(&functions),
        pointers: Pointers::default(),
        architecture: architecture(program.machine()).unwrap(),
        program,
        emulation,
    };
    (library, functions.map(|(start, _)| start))
}

fn reads_passed(reader: &str) -> Option<Passed> {
    let emulation = Emulation::default();
    let (library, [read, peek, _]) = library([READ, PEEK, reader], &emulation);
    reader::passed(&library, &Table::from([(0, read), (8, peek)]))
}

fn writes_passed(write: &str, writer: &str) -> Option<Passed> {
    let emulation = Emulation::default();
    let (library, [write, writer]) = library([write, writer], &emulation);
    writer::passed(&library, &Table::from([(0x48, write), (0x70, writer)]))
}

fn writer() -> String {
    [WRITER_BEGINS, WRITER_SUCCEEDS, WRITER_ENDS, WRITER_ASIDE].join(" ")
}

#[test]
fn reads_pass_behind_the_call_that_fetches() {
    let passed = reads_passed(READER).unwrap();
    let (rbx, rbp, r13, r14) = (3, 5, 13, 14);
    let found = Passage {
        ssl: rbx,
        buffer: rbp,
        count: r14,
        guard: r13,
        ..Passage::NONE
    };
    assert_eq!(passed.found, found);
    let reader = CODE + (digits(READ).len() + digits(PEEK).len()) as u64;
    // The branch and what follows it are nine bytes.
    let end = reader + digits(READER).len() as u64;
    assert_eq!(passed.places, [end - 9]);
}

#[rstest]
#[case::nothing_tells_whether_it_peeks("4189cd 4189c9", "4531ed 4189c9")]
#[case::buffer_is_kept_nowhere("4889f5", "4889d5")]
#[case::count_is_kept_nowhere("4d89c6", "4d89ce")]
#[case::result_is_changed_before("83f8ff", "83c001")]
#[case::not_application_data("be17", "be16")]
#[case::buffer_is_not_what_is_read_into("4889f1", "4889f9")]
#[case::nothing_emulated_is_near("7400", "6690")]
#[case::a_way_leads_anywhere("5b c3", "ffe0")]
fn reads_that_are_not_proven_pass_nowhere(#[case] instead_of: &str, #[case] code: &str) {
    assert!(READER.contains(instead_of));
    assert_eq!(reads_passed(&READER.replace(instead_of, code)), None);
}

#[test]
fn writes_pass_where_nothing_is_left_but_to_say_that_they_succeeded() {
    let passed = writes_passed(WRITE, &writer()).unwrap();
    let (rax, rbp, r12, r13) = (0, 5, 12, 13);
    let found = Passage {
        ssl: r13,
        buffer: STACK,
        count: rax,
        guard: rbp,
        wanted: 23,
        aside_ssl: r12,
        aside_guard: STACK | 16,
    };
    assert_eq!(passed.found, found);
    let jump = [WRITE, WRITER_BEGINS, WRITER_SUCCEEDS].map(|code| digits(code).len() as u64);
    assert_eq!(passed.places, [CODE + jump.iter().sum::<u64>() - 2]);
}

#[test]
fn a_way_aside_that_does_not_exist_is_not_asked_about() {
    // Nothing instead of the branch.
    let writer = writer().replace("7329", "6690");
    let passed = writes_passed(WRITE, &writer).unwrap();
    assert_eq!([passed.found.aside_ssl, passed.found.aside_guard], [UNKNOWN; 2]);
}

#[rstest]
#[case::a_failure_that_may_be_none("7e0f", "7d0f")]
#[case::success_is_told_otherwise("ba01000000", "ba02000000")]
#[case::result_is_not_looked_at("85c0 7e0f", "85c9 7e0f")]
#[case::result_is_looked_at_as_a_pointer("85c0 7fcb ebd8", "4885c0 7fcb ebd8")]
#[case::count_is_told_after_the_jump("89c2 4883c428", "89c2 4c8930 4883c425")]
#[case::something_else_is_called_with_the_end("5d 415c 415d c3", "5d 415c 415d ff27")]
#[case::the_end_leads_back_to_its_beginning("4883c428", "85d275f8")]
#[case::the_end_never_comes("4883c428", "ebfe9090")]
#[case::connection_is_kept_nowhere("4989fd", "4989f5")]
#[case::buffer_is_kept_nowhere("48891424", "48890c24")]
#[case::count_is_kept_nowhere("4c89442418", "4c894c2418")]
#[case::kind_is_kept_nowhere("89f5", "89fd")]
#[case::kind_is_kept_nowhere_aside("896c2410", "895c2410")]
#[case::connection_is_kept_nowhere_aside("4d89ec", "4d89cc")]
#[case::nothing_tells_the_way_aside("4989cd", "4989d5")]
fn writes_that_are_not_proven_pass_nowhere(#[case] instead_of: &str, #[case] code: &str) {
    let whole = writer();
    assert!(whole.contains(instead_of), "{whole}");
    assert_eq!(writes_passed(WRITE, &whole.replace(instead_of, code)), None);
}

#[rstest]
#[case::not_application_data("be17", "be16")]
#[case::another_slot("488b4070", "488b4078")]
#[case::something_else_is_written("4889f2", "4889d6")]
#[case::it_goes_on_afterwards("ffe0", "ffd0")]
fn what_is_not_called_as_writes_are_is_no_writer(#[case] instead_of: &str, #[case] code: &str) {
    assert!(WRITE.contains(instead_of));
    assert_eq!(writes_passed(&WRITE.replace(instead_of, code), &writer()), None);
}
