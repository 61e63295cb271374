//! Accessors as compilers write them, assembled by hand, and code that is none.

use proptest::prelude::*;
use rstest::rstest;

use ebpf::layout::UNKNOWN;

use super::explore::{Code, Exploration, Extent};
use super::{Reason, rules, x86_64};
use crate::target::image::Symbol;

/// Where the code is, in its own numbering.
const BASE: u64 = 0x1000;

struct Bytes(Vec<u8>);

impl Code for Bytes {
    fn fetch(&self, address: u64, buffer: &mut [u8]) -> usize {
        let start = address
            .checked_sub(BASE)
            .and_then(|start| usize::try_from(start).ok());
        let rest = start.and_then(|start| self.0.get(start..)).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        length
    }
}

fn explore(hexadecimal: &str) -> Exploration {
    let digits: Vec<char> = hexadecimal
        .chars()
        .filter(|digit| !digit.is_whitespace())
        .collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    let bytes = digits.chunks(2).map(byte).collect();
    explore_bytes(bytes)
}

fn explore_bytes(bytes: Vec<u8>) -> Exploration {
    let function = Symbol {
        address: BASE,
        size: bytes.len() as u64,
    };
    x86_64::explore(&Bytes(bytes), function)
}

#[rstest]
// mov eax, [rdi+0x38]; ret
#[case::plain("8b4738 c3", Ok(0x38))]
// endbr64; mov eax, [rdi+0x38]; xor edi, edi; ret
#[case::cet_and_cleared_registers("f30f1efa 8b4738 31ff c3", Ok(0x38))]
// push rbp; mov rbp, rsp; mov [rbp-8], rdi; mov rax, [rbp-8]; mov eax, [rax+0x38]; pop rbp; ret
#[case::unoptimised("55 4889e5 48897df8 488b45f8 8b4038 5d c3", Ok(0x38))]
// The object is saved over a call: push rbx; push rbp; mov rbx, rdi; call; mov eax, [rbx+0x38]; pop; pop; ret
#[case::saved_over_a_call("53 55 4889fb e806000000 8b4338 5d 5b c3 c3", Ok(0x38))]
// OpenSSL 3.2 and later: null handle, kind 0, else the connection that a QUIC function finds at the same offset.
#[case::quic_call(
    "4885ff 742e 8b07 85c0 741c a880 7424 4883ec08 e81e000000 4889c7 31c0 4885ff 7509 4883c408 c3 \
     8b4778 c3 8b4778 4883c408 c3 31c0 c3 c3",
    Ok(0x78)
)]
// mov eax, [rdi]; test eax, eax; je 1f; mov rdi, [rdi+0x50]; 1: mov eax, [rdi+0x78]; ret
#[case::quic_pointer("8b07 85c0 7404 488b7f50 8b4778 c3", Ok(0x78))]
// xor eax, eax; test rdi, rdi; je 1f; cmp dword [rdi+0x40], 0; cmovne eax, [rdi+0x38]; 1: ret
#[case::conditional_move("31c0 4885ff 7408 837f4000 0f454738 c3", Ok(0x38))]
// jmp 1f; int3; 1: mov eax, [rdi+0x38]; ret
#[case::jump("eb01 cc 8b4738 c3", Ok(0x38))]
// call; mov eax, [rdi+0x38]: the call may have changed rdi.
#[case::lost_over_a_call("e804000000 8b4738 c3 c3", Err(Reason::NotShown))]
// movzx eax, byte [rdi+0x38]; and eax, 1; ret
#[case::bit_field("0fb64738 83e001 c3", Err(Reason::NotShown))]
// movzx eax, byte [rdi+0x38]; ret: no int.
#[case::byte("0fb64738 c3", Err(Reason::NotShown))]
// mov rax, [rdi+0x10]; mov eax, [rax+0x38]; ret
#[case::behind_a_pointer("488b4710 8b4038 c3", Err(Reason::Indirect))]
// test esi, esi; je 1f; mov eax, [rdi+0x38]; ret; 1: mov eax, [rdi+0x3c]; ret
#[case::two_fields("85f6 7404 8b4738 c3 8b473c c3", Err(Reason::Ambiguous))]
// mov rax, fs:[0x28]; mov eax, [rax+0x38]; ret
#[case::thread_local("64488b042528000000 8b4038 c3", Err(Reason::NotShown))]
// mov eax, edi; mov eax, [rax+0x38]; ret: half a pointer.
#[case::half_a_pointer("89f8 8b4038 c3", Err(Reason::NotShown))]
// jmp [rip+0x1000]
#[case::imported("ff2500100000", Err(Reason::NotShown))]
// xor eax, eax; ret
#[case::constant("31c0 c3", Err(Reason::NotShown))]
// 1: mov eax, [rdi+0x38]; test eax, eax; je 1b; ret
#[case::waits("8b4738 85c0 74f9 c3", Err(Reason::TooComplex))]
#[case::endless("ebfe", Err(Reason::TooComplex))]
#[case::jumps_out("e9f0ffff0f", Err(Reason::Undecodable))]
#[case::truncated("8b47", Err(Reason::Undecodable))]
#[case::falls_off("8b4738", Err(Reason::Undecodable))]
#[case::invalid("06", Err(Reason::Undecodable))]
#[case::nothing("", Err(Reason::Undecodable))]
#[case::traps("0f0b", Err(Reason::NotShown))]
fn integers(#[case] code: &str, #[case] expected: Result<u32, Reason>) {
    assert_eq!(rules::integer(&explore(code)), expected);
}

#[test]
fn more_paths_than_can_be_followed_are_too_complex() {
    // jne +0, forty times: 2^40 paths.
    let code = format!("{} 8b4738 c3", "7500".repeat(40));
    assert_eq!(explore(&code).extent, Extent::TooComplex);
}

#[test]
fn own_certificate_is_three_loads_away() {
    // mov rax, [rdi+0x898]; test rax, rax; je 1f; mov rax, [rax]; mov rax, [rax+0x10]; 1: ret
    let code = explore("488b8798080000 4885c0 7407 488b00 488b4010 c3");
    assert_eq!(rules::pointers(&code), Ok([0x898, 0, 0x10]));
    assert_eq!(rules::pointers::<2>(&code), Err(Reason::Indirect));
}

#[test]
fn counted_peer_certificate_is_kept_over_the_call() {
    // OpenSSL 1.1.1: r12 = session, then peer, X509_up_ref(r12), and null on the way.
    let code = explore(
        "4154 4885ff 7427 4c8ba710050000 4d85e4 7415 4d8ba424b8010000 4d85e4 7408 4c89e7 e80f000000 \
         4c89e0 415c c3 4531e4 4c89e0 415c c3 c3",
    );
    assert_eq!(rules::pointers(&code), Ok([0x510, 0x1b8]));
}

#[rstest]
// memcpy is called: rsi = rdi+0x160, rdi = out.
#[case::call(
    "4889d0 4885d2 7506 b820000000 c3 53 4883fa20 bb20000000 480f46da 4889f0 488db760010000 4889c7 4889da \
     e805000000 4889d8 5b c3 c3",
    Ok([UNKNOWN, 0x160])
)]
// memcpy is jumped to.
#[case::tail_jump(
    "4885d2 7506 b820000000 c3 4889f0 488db760010000 4889c7 ff2500100000",
    Ok([UNKNOWN, 0x160])
)]
// movdqu xmm0, [rdi+0x160]; movups [rsi], xmm0 and the second half.
#[case::vector(
    "b820000000 4883fa00 7417 f30f6f8760010000 f30f6f8f70010000 0f1106 0f114e10 c3",
    Ok([UNKNOWN, 0x160])
)]
// rep movsb
#[case::string(
    "b820000000 4885d2 7412 4889d1 4c8d8760010000 4889f7 4c89c6 f3a4 c3",
    Ok([UNKNOWN, 0x160])
)]
// Words in a loop, or one byte: what GCC makes of memcpy.
#[case::inline(
    "b820000000 4885d2 7438 4883fa20 480f46c2 488d8f60010000 83f808 721f 488b9760010000 488916 4531c0 \
     4e8b0c01 4e890c06 4983c008 4939c0 72ef c3 0fb611 8816 c3",
    Ok([UNKNOWN, 0x160])
)]
// OpenSSL 1.1.1 keeps it behind a pointer.
#[case::behind_a_pointer(
    "b820000000 4885d2 7411 488bbfa8000000 488b97b8000000 488916 c3",
    Ok([0xa8, 0xb8])
)]
#[case::two_sources(
    "b820000000 4885d2 7417 4c8b8760010000 4883fa10 7707 4c8b8780010000 4c8906 c3",
    Err(Reason::Ambiguous)
)]
// Copies, but never says how long a random is.
#[case::another_function("4c8b8760010000 4c8906 c3", Err(Reason::NotShown))]
// mov eax, 32; ret
#[case::copies_nothing("b820000000 c3", Err(Reason::NotShown))]
fn client_randoms(#[case] code: &str, #[case] expected: Result<[u32; 2], Reason>) {
    assert_eq!(rules::client_random(&explore(code)), expected);
}

#[rstest]
// The connection's name, or after a call the session's unless it is null.
#[case::both(
    "53 85f6 7530 4889fb 837f3800 7509 e826000000 85c0 7409 488b83580a0000 5b c3 488b9318090000 \
     488b8230030000 4885c0 74e4 5b c3 31c0 5b c3 c3",
    Ok(0xa58)
)]
// Two names of the connection: which one is meant depends on the side.
#[case::two_fields("837f3800 7508 488b87580a0000 c3 488b87600a0000 c3", Err(Reason::Ambiguous))]
#[case::session_only("488b8718090000 488b8030030000 c3", Err(Reason::NotShown))]
fn hostnames(#[case] code: &str, #[case] expected: Result<u32, Reason>) {
    assert_eq!(rules::hostname(&explore(code)), expected);
}

#[rstest]
// OpenSSL 3.0: mov rax, [rdi+0x488]; xor ecx, ecx; mov [rsi], rax; test rax, rax; je 1f; mov ecx, [rdi+0x490];
// 1: mov [rdx], ecx; ret
#[case::direct(
    "488b8788040000 31c9 488906 4885c0 7406 8b8f90040000 890a c3",
    Ok([UNKNOWN, 0x488, 0x490])
)]
// OpenSSL 1.1.1 keeps it behind a pointer, which may be null.
#[case::behind_a_pointer(
    "488b87a8000000 48c70600000000 4885c0 7418 488b88e0030000 48890e 4885c9 7409 8b80e8030000 8902 c3 \
     31c0 8902 c3",
    Ok([0xa8, 0x3e0, 0x3e8])
)]
// OpenSSL 3.5 loads the whole length and stores half of it: mov rax, [rdi+0x4b8]; mov [rsi], rax;
// mov rax, [rdi+0x4c0]; mov [rdx], eax; ret
#[case::half_of_the_length(
    "488b87b8040000 488906 488b87c0040000 8902 c3",
    Ok([UNKNOWN, 0x4b8, 0x4c0])
)]
// The pointer is the connection's, the length another object's.
#[case::two_objects("488b8788040000 488906 488b4748 8b8090040000 8902 c3", Err(Reason::NotShown))]
#[case::two_names(
    "837f3800 7409 488b4710 488906 eb07 488b4720 488906 8b4730 8902 c3",
    Err(Reason::Ambiguous)
)]
// A byte is no length: movzx eax, byte [rdi+0x30]; mov [rdx], eax
#[case::byte("488b4710 488906 0fb64730 8902 c3", Err(Reason::NotShown))]
#[case::name_only("488b4710 488906 c3", Err(Reason::NotShown))]
#[case::nothing("c3", Err(Reason::NotShown))]
fn protocols(#[case] code: &str, #[case] expected: Result<[u32; 3], Reason>) {
    assert_eq!(rules::alpn(&explore(code)), expected);
}

#[rstest]
// mov eax, 1; lock xadd [rdi+0x9e0], eax; add eax, 1; cmp eax, 1; setg al; movzx eax, al; ret
#[case::exchange("b801000000 f00fc187e0090000 83c001 83f801 0f9fc0 0fb6c0 c3", Ok(0x9e0))]
// lock inc dword [rdi+0x20]; mov eax, 1; ret
#[case::increment("f0ff4720 b801000000 c3", Ok(0x20))]
// lock inc qword [rdi+0x20]: no int.
#[case::long("f048ff4720 c3", Err(Reason::NotShown))]
#[case::two("f0ff4720 f0ff4730 c3", Err(Reason::Ambiguous))]
// mov rax, [rdi+0x10]; lock inc dword [rax]
#[case::behind_a_pointer("488b4710 f0ff00 c3", Err(Reason::NotShown))]
#[case::nothing("c3", Err(Reason::NotShown))]
fn owners(#[case] code: &str, #[case] expected: Result<u32, Reason>) {
    assert_eq!(rules::references(&explore(code)), expected);
}

#[test]
fn the_type_of_a_bio_is_its_methods() {
    // mov rax, [rdi+8]; mov eax, [rax]; ret
    let code = explore("488b4708 8b00 c3");
    assert_eq!(rules::integer_behind(&code), Ok([8, 0]));
    assert_eq!(rules::integer(&code), Err(Reason::Indirect));
}

#[rstest]
// test rdi, rdi; je 2f; mov eax, [rdi]; test eax, eax; jne 2f; mov eax, [rdi+0x78]; ret; 2: xor eax, eax; ret
#[case::asked("4885ff 740a 8b07 85c0 7504 8b4778 c3 31c0 c3", Some(0))]
#[case::not_asked("8b4738 c3", None)]
// mov rax, [rdi]; test rax, rax; je 1f; mov eax, [rdi+0x38]; 1: ret: a pointer there is no kind.
#[case::pointer("488b07 4885c0 7403 8b4738 c3", None)]
fn kinds(#[case] code: &str, #[case] expected: Option<u32>) {
    assert_eq!(rules::kind(&explore(code)), expected);
}

#[rstest]
// mov dword [rdi+0x80], 1; jmp [rip+0x1000]
#[case::immediate("c7878000000001000000 ff2500100000", Ok(0x70))]
// endbr64; mov eax, 1; mov [rdi+0x80], eax; mov edx, 0x1234; jmp [rip+0x1000]
#[case::register("f30f1efa b801000000 898780000000 ba34120000 ff2500100000", Ok(0x70))]
// mov rax, [rdi+0x20]; mov dword [rax+0x80], 1; ret
#[case::behind_a_pointer("488b4720 c7808000000001000000 c3", Err(Reason::NotShown))]
#[case::two_marks("c7878000000001000000 c7879000000001000000 c3", Err(Reason::Ambiguous))]
#[case::misaligned("c7878400000001000000 c3", Err(Reason::NotShown))]
#[case::too_near_the_start("c7470801000000 c3", Err(Reason::NotShown))]
#[case::nothing("c3", Err(Reason::NotShown))]
fn certificate_encodings(#[case] code: &str, #[case] expected: Result<u32, Reason>) {
    assert_eq!(rules::certificate_encoding(&explore(code)), expected);
}

#[rstest]
#[case::three("b830010030 c3", Some("3.0.19"))]
#[case::letter("b8bf101010 c3", Some("1.1.1k"))]
#[case::no_letter("b80f001010 c3", Some("1.1.0"))]
#[case::other_family("b800000020 c3", None)]
#[case::not_a_constant("8b4738 c3", None)]
fn versions(#[case] code: &str, #[case] expected: Option<&str>) {
    assert_eq!(rules::version(&explore(code)).as_deref(), expected);
}

proptest! {
    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        all_rules(&explore_bytes(bytes));
    }

    /// Random bytes soon decode to nothing; random instructions go further.
    #[test]
    fn any_instructions_end(choices in proptest::collection::vec((0..INSTRUCTIONS.len(), any::<u8>()), 0..120)) {
        let assemble = |(choice, byte): (usize, u8)| {
            let mut instruction = INSTRUCTIONS[choice].to_vec();
            instruction.push(byte);
            instruction
        };
        all_rules(&explore_bytes(choices.into_iter().flat_map(assemble).collect()));
    }
}

/// Instructions that take one more byte.
const INSTRUCTIONS: [&[u8]; 16] = [
    &[0x75],
    &[0x74],
    &[0xeb],
    &[0xe8, 0, 0, 0],
    &[0x8b, 0x47],
    &[0x48, 0x8b, 0x47],
    &[0x48, 0x89, 0x44, 0x24],
    &[0x48, 0x83, 0xec],
    &[0x48, 0x83, 0xc4],
    &[0x48, 0x85, 0xc0, 0x50, 0x6a],
    &[0x48, 0x8d, 0x77],
    &[0x5b, 0x53, 0x83, 0xf8],
    &[0xf3, 0xa4, 0x6a],
    &[0xc9, 0xc3, 0x6a],
    &[0x0f, 0x11, 0x46],
    &[0x48, 0x0f, 0x44, 0x47],
];

fn all_rules(code: &Exploration) {
    let _ = rules::integer(code);
    let _ = rules::pointers::<3>(code);
    let _ = rules::hostname(code);
    let _ = rules::client_random(code);
    let _ = rules::certificate_encoding(code);
    let _ = rules::version(code);
    let _ = rules::alpn(code);
    let _ = rules::references(code);
    let _ = rules::kind(code);
}
