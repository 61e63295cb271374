//! Small programs, and the system's own.

use std::fs::File;
use std::sync::Arc;

use super::sample::{CODE, CONSTANTS, fixed_program, program};
use super::*;

/// What the code does, as the whole of one function.
fn body(code: &str) -> Body {
    let program = program(code, b"");
    architecture(program.machine())
        .unwrap()
        .body(&program, whole(code))
}

fn whole(code: &str) -> Function {
    Function {
        start: CODE,
        end: CODE + sample::digits(code).len() as u64,
        bounds: Bounds::Stated,
    }
}

fn argument(body: &Body, number: usize) -> Vec<u64> {
    body.calls[0].arguments[number].constants().collect()
}

#[test]
fn constants_of_every_way_meet_in_a_shared_call() {
    // test edi,edi; je +7; mov edx,215; jmp +5; mov edx,226; mov edi,16; xor esi,esi; call +0; ret
    let body = body("85ff 7407 bad7000000 eb05 bae2000000 bf10000000 31f6 e800000000 c3");
    assert!(body.complete);
    assert_eq!(argument(&body, 0), [16]);
    assert_eq!(argument(&body, 1), [0]);
    assert_eq!(argument(&body, 2), [215, 226]);
    assert!(!body.calls[0].arguments[2].can_be_unknown());
    assert!(body.calls[0].arguments[3].is_only(Value::Argument(3)));
}

#[test]
fn constants_are_followed_through_kept_registers_and_the_stack() {
    // mov ebx,5; call +0; mov edi,ebx; push 20; pop rsi; mov eax,7; mov edx,9; cmove edx,eax; call +0
    let body = body("bb05000000 e800000000 89df 6a14 5e b807000000 ba09000000 0f44d0 e800000000");
    let call = &body.calls[1];
    let constants = |number: usize| call.arguments[number].constants().collect::<Vec<_>>();
    assert_eq!(
        [constants(0), constants(1), constants(2)],
        [vec![5], vec![20], vec![7, 9]]
    );
    assert!(call.arguments[3].can_be_unknown(), "a call may change it");
}

/// As OpenSSL 4.0 does around a call in `SSL_read`, before the one that counts.
#[test]
fn arguments_that_are_kept_in_the_frame_come_back() {
    // sub rsp,24; mov [rsp],rsi; mov [rsp+8],edx; call +0; mov rsi,[rsp]; mov edi,[rsp+8]; call +0
    let kept = body("4883ec18 48893424 89542408 e800000000 488b3424 8b7c2408 e800000000");
    assert!(kept.calls[1].arguments[1].is_only(Value::Argument(1)));
    assert!(
        kept.calls[1].arguments[0].is_only(Value::Low(2)),
        "only its lower half was kept"
    );
}

#[test]
fn what_others_can_write_to_is_unknown_after_a_call() {
    // sub rsp,24; mov [rsp],rsi; mov [rsp+8],rdi; lea rdi,[rsp+8]; call +0; mov rsi,[rsp]; mov rdi,[rsp+8]; call +0
    let given = body("4883ec18 48893424 48897c2408 488d7c2408 e800000000 488b3424 488b7c2408 e800000000");
    assert!(given.calls[1].arguments[1].is_only(Value::Argument(1)));
    assert!(given.calls[1].arguments[0].can_be_unknown());
    // The same with mov rdi,rsp, which is how the lowest address is taken.
    let given = body("4883ec18 48893424 4889e7 e800000000 488b3424 e800000000");
    assert!(given.calls[1].arguments[1].can_be_unknown());
}

#[test]
fn padding_inside_a_function_brings_nothing() {
    // test rdi,rdi; je +3; ret; xchg ax,ax; mov rsi,rdi; jmp +0x100: the `nop` stands between, as before a loop.
    let body = body("4885ff 7403 c3 6690 4889fe e900010000");
    assert!(body.calls[0].arguments[1].is_only(Value::Argument(0)));
    assert!(body.calls[0].reached);
}

#[test]
fn an_argument_that_was_written_in_part_is_unknown() {
    // mov dl,5; mov sil,dil; call +0
    let body = body("b205 4088fe e800000000 c3");
    assert!(body.calls[0].arguments[2].can_be_unknown());
    assert!(body.calls[0].arguments[1].can_be_unknown());
    assert!(body.calls[0].arguments[0].is_only(Value::Argument(0)));
}

#[test]
fn jumps_out_of_a_function_are_calls() {
    // test edi,edi; jne +0x100; jmp +0x200
    let body = body("85ff 0f8500010000 e900020000");
    let targets: Vec<_> = body.calls.iter().map(|call| (call.target, call.tail)).collect();
    assert_eq!(targets, [(Some(CODE + 0x108), true), (Some(CODE + 0x20d), true)]);
}

#[test]
fn counters_and_stores_are_told_from_the_frame() {
    // push rbx; mov rbx,rdi; mov [rsp+8],rdi; lock xadd [rbx+0x20],eax; ret
    let counter = body("53 4889fb 48897c2408 f00fc14320 c3");
    assert_eq!(counter.counters.iter().collect::<Vec<_>>(), [&0x20]);
    // push rbp; mov rbp,rsp; mov [rbp-8],rdi; pop rbp; ret
    assert!(!body("55 4889e5 48897df8 5d c3").stores);
    // mov [rsi],edi; ret
    assert!(body("893e c3").stores);
}

#[test]
fn what_only_a_table_of_jumps_leads_to_is_read_where_the_end_is_stated() {
    // jmp rax; mov edi,3; call +0; ret
    let body = body("ffe0 bf03000000 e800000000 c3");
    assert_eq!(body.calls[1].arguments[0].constants().collect::<Vec<_>>(), [3]);
}

#[test]
fn code_that_runs_out_or_is_none_is_not_complete() {
    assert!(!body("4889f8").complete);
    assert!(!body("06").complete);
    assert!(body("ebfe").complete);
}

#[test]
fn texts_are_found_with_what_stands_before_them() {
    let constants = b"\x01../ssl/ssl_lib.c\0ssl_lib.cc\0\xffssl_lib.c\0ssl_lib.c";
    let program = program("c3", constants);
    let found = ending_with(&program, "ssl_lib.c");
    let texts: Vec<_> = found
        .iter()
        .map(|text| (text.start - CONSTANTS, text.end - CONSTANTS, text.text.as_str()))
        .collect();
    assert_eq!(texts, [(1, 17, "../ssl/ssl_lib.c"), (30, 39, "ssl_lib.c")]);
    assert_eq!(program.text(CONSTANTS + 8).as_deref(), Some("ssl_lib.c"));
    assert_eq!(program.text(CONSTANTS), None, "not printable");
    assert_eq!(program.text(CONSTANTS + 40), None, "not ended");
}

#[test]
fn references_are_found_relative_and_where_addresses_are_fixed_as_numbers() {
    // lea rcx,[rip+0x1ff9] to CONSTANTS; mov edx,CONSTANTS
    let code = "488d0df91f0000 ba00304000";
    let range = CONSTANTS..CONSTANTS + 1;
    let sites = |program: &Program| {
        let reader = architecture(program.machine()).unwrap();
        reader.references(program, std::slice::from_ref(&range))
    };
    assert_eq!(sites(&program(code, b"x")), [CODE + 1]);
    assert_eq!(sites(&fixed_program(code, b"x")), [CODE + 1, CODE + 8]);
}

#[test]
fn functions_that_no_table_states_begin_where_calls_lead() {
    // call CODE+0x10; ret; padding; then at 0x10: mov rax,rdi; ret; padding
    let mut code = "e80b000000 c3".to_owned();
    code.push_str(&"cc".repeat(10));
    code.push_str("4889f8 c3");
    code.push_str(&"cc".repeat(12));
    let program = program(&code, b"");
    let mut functions = Functions::read(&program);
    assert!(functions.is_empty());
    functions.assume(&program, architecture(Machine::X86_64).unwrap(), &[CODE + 0x13]);
    let function = functions.containing(CODE + 0x13).unwrap();
    assert_eq!((function.start, function.bounds), (CODE + 0x10, Bounds::Assumed));
    assert_eq!(functions.containing(CODE + 1), None);
}

#[test]
fn the_running_program_states_its_functions_and_its_build() {
    let program = Program::read(Arc::new(File::open("/proc/self/exe").unwrap())).unwrap();
    let functions = Functions::read(&program);
    assert!(functions.len() > 1000, "{}", functions.len());
    let code = program
        .segments()
        .iter()
        .find(|segment| segment.executable)
        .unwrap();
    assert_eq!(program.file_offset(code.address), Some(code.offset));
    assert_eq!(program.file_offset(u64::MAX), None);
}

#[test]
fn nothing_can_be_read_of_other_machines() {
    assert!(architecture(Machine::Aarch64).is_none());
    assert!(architecture(Machine::Other(8)).is_none());
}

/// What one function does on its way.
fn trace(code: &str) -> Trace {
    let program = program(code, b"");
    architecture(program.machine())
        .unwrap()
        .trace(&program, whole(code))
}

#[test]
fn places_are_told_in_registers_and_in_the_frame() {
    // push rbx; sub rsp,16; mov rbx,rdi; mov [rsp+8],rsi; call +0; add rsp,16; pop rbx; ret
    let trace = trace("53 4883ec10 4889fb 4889742408 e800000000 4883c410 5b c3");
    let behind = CODE + 18;
    let at = |value| trace.places(behind, value).collect::<Vec<_>>();
    assert_eq!(at(Value::Argument(0)), [Place::Register(3)]);
    assert_eq!(at(Value::Argument(1)), [Place::Stack(8)]);
    assert_eq!(at(Value::Argument(2)), [], "the call may change it");
    assert!(trace.complete);
}

#[test]
fn behind_a_call_is_what_only_it_leads_to_with_its_result() {
    // call +0; pop rcx; test eax,eax; mov eax,1; ret
    let rewritten = trace("e800000000 59 85c0 b801000000 c3");
    let behind = |trace: &Trace| {
        trace
            .behind(&trace.calls[0])
            .map(|at| at - CODE)
            .collect::<Vec<_>>()
    };
    assert_eq!(behind(&rewritten), [5, 6, 8]);
    // je over the call; call +0; pop rcx; nop; ret: the jump leads behind the call
    let led_to = trace("7405 e800000000 59 90 c3");
    assert!(behind(&led_to).is_empty());
}

#[test]
fn a_jump_that_leaves_is_told_from_one_that_may_lead_anywhere() {
    // mov rax,[rdi]; jmp rax
    let leaves = trace("488b07 ffe0");
    assert!(leaves.complete && leaves.calls[0].tail);
    // push rbx; jmp rax
    assert!(!trace("53 ffe0").complete);
}

#[test]
fn what_is_known_of_a_function_is_bounded() {
    // A full frame, and six registers that each may keep the first argument or not: push rdi, again and again; je over
    // mov rbx,rdi; the same with rbp and r12 to r15; nop, again and again; ret
    let keeping = ["4889fb", "4889fd", "4989fc", "4989fd", "4989fe", "4989ff"];
    let keeping: String = keeping.map(|keep| format!("7403{keep}")).concat();
    let ways = |nops: usize| {
        trace(
            &[
                "57".repeat(128),
                keeping.clone(),
                "90".repeat(nops),
                "c3".to_owned(),
            ]
            .concat(),
        )
    };
    assert!(ways(2).complete);
    let bounded = ways(500);
    assert!(!bounded.complete);
    assert!(
        bounded.calls.is_empty() && bounded.results.is_empty(),
        "half of it tells nothing"
    );
}

#[test]
fn the_slot_that_a_call_goes_through_is_known() {
    // mov rax,[rdi+8]; mov rax,[rax+112]; call rax; mov rax,[rdi+8]; jmp [rax+104]
    let trace = trace("488b4708 488b4070 ffd0 488b4708 ff6068");
    let slots: Vec<_> = trace.calls.iter().map(|call| call.slot).collect();
    assert_eq!(slots, [Some(112), Some(104)]);
}

#[test]
fn an_address_that_is_computed_with_is_known_to_others() {
    // sub rsp,24; mov [rsp],rsi; mov [rsp+16],rdi; lea rax,[rsp+rcx*8+8]; call +0; mov rdi,[rsp]; mov rsi,[rsp+16]; call +0
    let given = body("4883ec18 48893424 48897c2410 488d44cc08 e800000000 488b3c24 488b742410 e800000000");
    assert!(given.calls[1].arguments[0].is_only(Value::Argument(1)));
    assert!(given.calls[1].arguments[1].can_be_unknown());
}

#[test]
fn what_lies_below_the_top_of_the_stack_does_not_last() {
    // push rsi; pop rax; call +0; sub rsp,8; mov rdi,[rsp]; call +0
    let body = body("56 58 e800000000 4883ec08 488b3c24 e800000000");
    assert!(body.calls[1].arguments[0].can_be_unknown());
}

/// Where those succeed that end so: call +0; test eax,eax; jle to the failure; mov edx,1; jmp to the next; dec ecx; then
/// the turn; mov eax,edx; ret; then the failure.
fn successes(turn: &str, failure: &str, usable: bool) -> Vec<u64> {
    let code = format!("e800000000 85c0 7e0e ba01000000 eb00 ffc9 {turn} 89d0 c3 {failure}");
    let program = program(&code, b"");
    let reader = architecture(program.machine()).unwrap();
    let places = reader.successes(&program, whole(&code), &|_| usable);
    places.into_iter().collect()
}

#[test]
fn what_succeeds_passes_one_place_once() {
    // jnz to the next, and back to the jump. Failures: ret; the same behind mov eax,-1; mov eax,0; mov eax,2.
    let (ahead, back) = ("7500", "75fa");
    for failure in ["c3", "b8ffffffff c3", "b800000000 c3"] {
        assert_eq!(successes(ahead, failure, true), [CODE + 14], "{failure}");
    }
    assert!(
        successes(ahead, "b802000000 c3", true).is_empty(),
        "success elsewhere"
    );
    assert!(successes(back, "c3", true).is_empty(), "passed again and again");
    assert!(successes(ahead, "c3", false).is_empty(), "no place to probe");
}
