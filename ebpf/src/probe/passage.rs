//! Places inside the function that reads, which each call passes with its result: one probe there tells what those at a
//! function's entry and return do, but for the socket that the call used.

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_attach_cookie, bpf_get_current_pid_tgid},
    macros::uprobe,
    programs::ProbeContext,
};
use ebpf::{
    call::{OTHERS, REGISTERS},
    connection::Key,
    fault::Fault,
    function::Cookie,
    layout::{STACK, UNKNOWN},
};

use crate::{calls, connections, layouts, memory, moves, socket_use, stats};

/// Number of `rsp`.
const STACK_POINTER: usize = 4;
/// What a function that read gives back.
const READ: i32 = 1;

/// `int ssl_read_bytes(SSL *s, int type, int *recvd_type, unsigned char *buf, size_t len, int peek, size_t *readbytes)`
/// gave its result.
#[uprobe]
pub fn read_passage(context: ProbeContext) -> u32 {
    // SAFETY: the context is the one this program was called with.
    let cookie = Cookie::from_raw(unsafe { bpf_get_attach_cookie(context.as_ptr()) });
    stats::hit(u32::from(cookie.function));
    // SAFETY: the kernel hands over the registers.
    let registers = unsafe { &*context.regs };
    let Some(layout) = layouts::library(cookie.slot) else {
        stats::lost(Fault::Cookie);
        return 0;
    };
    let id = bpf_get_current_pid_tgid();
    let Some(thread) = calls::own(id) else { return 0 };
    let moves = registers.rax as i32 == READ;
    // A call that moved nothing matters only where it was made inside another.
    if !moves && thread.depth == 0 {
        return 0;
    }
    // In memory, since no place of the context may be chosen while the program runs.
    thread.registers = [
        registers.rax,
        registers.rcx,
        registers.rdx,
        registers.rbx,
        registers.rsp,
        registers.rbp,
        registers.rsi,
        registers.rdi,
        registers.r8,
        registers.r9,
        registers.r10,
        registers.r11,
        registers.r12,
        registers.r13,
        registers.r14,
        registers.r15,
    ];
    let passage = &layout.read;
    let place = |place| value(&thread.registers, place);
    if passage.guard != UNKNOWN {
        let Some(guard) = place(passage.guard) else {
            return unreadable();
        };
        if guard as u32 != passage.wanted {
            return 0;
        }
    }
    // One by one: of several that may be missing, the compiler leaves some unset, which the verifier refuses.
    let Some(ssl) = place(passage.ssl) else {
        return unreadable();
    };
    let Some(buffer) = place(passage.buffer) else {
        return unreadable();
    };
    let Some(count) = place(passage.count) else {
        return unreadable();
    };
    if let Some(outer) = calls::innermost(thread)
        && outer.ssl != ssl
    {
        outer.conflict |= OTHERS;
    }
    if !moves {
        return 0;
    }
    let Some(moved) = memory::user::<u64>(count) else {
        return unreadable();
    };
    if moved == 0 {
        return 0;
    }
    let key = Key {
        ssl,
        tgid: (id >> 32) as u32,
        reserved: 0,
    };
    let Some(tracked) = connections::find(&key).or_else(|| moves::begin(&key, moved)) else {
        return 0;
    };
    // SAFETY: the pointer comes from the map, and a connection is used by one thread at a time.
    let state = unsafe { &mut *tracked };
    socket_use::consider(state, &key, layout);
    moves::pass_on(
        tracked,
        &raw mut thread.walk,
        &key,
        id,
        cookie,
        layout,
        buffer,
        moved,
    );
    0
}

#[inline(always)]
fn unreadable() -> u32 {
    stats::lost(Fault::UserMemory);
    0
}

/// What is found at a place of a passage; `None` where the stack cannot be read.
#[inline(always)]
fn value(registers: &[u64; REGISTERS], place: u32) -> Option<u64> {
    if place & STACK == 0 {
        return Some(registers[place as usize & (REGISTERS - 1)]);
    }
    memory::user(registers[STACK_POINTER] + u64::from(place & !STACK))
}
