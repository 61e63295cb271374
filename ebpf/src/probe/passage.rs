//! Places inside the functions that read and write, which each call passes with its result: one probe there tells what
//! those at a function's entry and return do, but for the socket that the call used.

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_attach_cookie, bpf_get_current_pid_tgid},
    macros::uprobe,
    programs::ProbeContext,
};
use ebpf::{
    call::{Call, OTHERS, REGISTERS, Thread},
    connection::Key,
    fault::Fault,
    function::Cookie,
    layout::{Layout, Passage, STACK, UNKNOWN},
};

use super::socket;
use crate::{calls, connections, layouts, memory, moves, socket_use, stats};

/// Number of `rsp`.
const STACK_POINTER: usize = 4;
/// What a function that read gives back.
const READ: i32 = 1;

/// `int ssl_read_bytes(SSL *s, int type, int *recvd_type, unsigned char *buf, size_t len, int peek, size_t *readbytes)`
/// gave its result.
#[uprobe]
pub fn read_passage(context: ProbeContext) -> u32 {
    // SAFETY: the kernel hands over the registers.
    let moves = unsafe { (*context.regs).rax } as i32 == READ;
    let cookie = cookie(&context);
    let Some(layout) = layouts::library(cookie.slot) else {
        stats::lost(Fault::Cookie);
        return 0;
    };
    pass(&context, cookie, layout, &layout.read, moves)
}

/// `int ssl_write_bytes(SSL *s, int type, const void *buf, size_t len, size_t *written)` succeeded.
#[uprobe]
pub fn write_passage(context: ProbeContext) -> u32 {
    let cookie = cookie(&context);
    let Some(layout) = layouts::library(cookie.slot) else {
        stats::lost(Fault::Cookie);
        return 0;
    };
    pass(&context, cookie, layout, &layout.write, true)
}

/// Which probe fired. It is counted.
#[inline(always)]
fn cookie(context: &ProbeContext) -> Cookie {
    // SAFETY: the context is the one the program was called with.
    let cookie = Cookie::from_raw(unsafe { bpf_get_attach_cookie(context.as_ptr()) });
    stats::hit(u32::from(cookie.function));
    cookie
}

/// A call passes by.
#[inline(always)]
fn pass(context: &ProbeContext, cookie: Cookie, layout: &Layout, passage: &Passage, moves: bool) -> u32 {
    let id = bpf_get_current_pid_tgid();
    let Some(thread) = calls::own(id) else { return 0 };
    // SAFETY: the kernel hands over the registers.
    let registers = unsafe { &*context.regs };
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
    let place = |place| value(&thread.registers, place);
    // One by one: of several that may be missing, the compiler leaves some unset, which the verifier refuses.
    let Some(mut ssl) = place(passage.ssl) else {
        return unreadable();
    };
    if !moves {
        return fail(thread, id, ssl, layout);
    }
    let Some(count) = place(passage.count) else {
        return unreadable();
    };
    let Some(moved) = memory::user::<u64>(count) else {
        return unreadable();
    };
    let mut guard = passage.guard;
    let mut aside = false;
    if passage.aside_ssl != UNKNOWN && ssl == moved {
        let Some(other) = place(passage.aside_ssl) else {
            return unreadable();
        };
        ssl = other;
        guard = passage.aside_guard;
        aside = true;
    }
    if guard != UNKNOWN {
        let Some(guard) = place(guard) else {
            return unreadable();
        };
        if guard as u32 != passage.wanted {
            // Nothing but application data goes that way.
            if aside {
                stats::lost(Fault::Object);
            }
            return 0;
        }
    }
    let Some(buffer) = place(passage.buffer) else {
        return unreadable();
    };
    // The call that this one is part of, where its beginning was asked for, too.
    let mut own = Call::NONE;
    if let Some(inside) = calls::innermost(thread) {
        if inside.ssl == ssl {
            own = *inside;
            // It does not pass again: should its return never be seen, it must not be taken for a later one.
            inside.ssl = 0;
        } else {
            inside.conflict |= OTHERS;
        }
    }
    if moved == 0 {
        return 0;
    }
    let key = key(id, ssl);
    let Some(tracked) = connections::find(&key).or_else(|| moves::begin(&key, cookie.slot, moved)) else {
        return 0;
    };
    // SAFETY: the pointer comes from the map, and a connection is used by one thread at a time.
    let state = unsafe { &mut *tracked };
    socket::settle(state, &own);
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

/// A call that moved nothing matters where it was made inside another, and while a connection that is fed from memory
/// begins: the sockets that its process uses meanwhile are asked for.
#[inline(always)]
fn fail(thread: &mut Thread, id: u64, ssl: u64, layout: &Layout) -> u32 {
    if let Some(outer) = calls::innermost(thread)
        && outer.ssl != ssl
    {
        outer.conflict |= OTHERS;
    }
    let key = key(id, ssl);
    if let Some(tracked) = connections::find(&key) {
        // SAFETY: the pointer comes from the map, and a connection is used by one thread at a time.
        socket_use::consider(unsafe { &mut *tracked }, &key, layout);
    }
    0
}

#[inline(always)]
fn key(id: u64, ssl: u64) -> Key {
    Key {
        ssl,
        tgid: (id >> 32) as u32,
        reserved: 0,
    }
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
