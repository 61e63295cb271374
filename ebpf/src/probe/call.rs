//! The calls that move application data or shake hands.

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_attach_cookie, bpf_get_current_pid_tgid},
    macros::{uprobe, uretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use ebpf::{
    call::Call,
    connection::Key,
    fault::Fault,
    function::{Cookie, Function, HIT_RETURN},
    layout::NAMED,
    record::Carrier,
};

use super::socket;
use crate::{calls, connections, facts, layouts, memory, moves, socket_use, stats, trial};

const READ: u8 = Function::SslRead as u8;
const WRITE: u8 = Function::SslWrite as u8;
const READ_EX: u8 = Function::SslReadEx as u8;
const WRITE_EX: u8 = Function::SslWriteEx as u8;
const WRITE_EX2: u8 = Function::SslWriteEx2 as u8;

/// `int SSL_read(SSL *ssl, void *buf, int num)`, `SSL_write`;
/// `int SSL_read_ex(SSL *ssl, void *buf, size_t num, size_t *readbytes)`, `SSL_write_ex`;
/// `int SSL_write_ex2(SSL *ssl, const void *buf, size_t num, uint64_t flags, size_t *written)`;
/// `int SSL_do_handshake(SSL *ssl)`, `SSL_accept`, `SSL_connect`.
///
/// One program serves them all; the cookie tells which. `SSL_peek` is a function of its own, so what it shows
/// is not seen twice.
#[uprobe]
pub fn call_entry(context: ProbeContext) -> u32 {
    // SAFETY: the context is the one this program was called with.
    let cookie = Cookie::from_raw(unsafe { bpf_get_attach_cookie(context.as_ptr()) });
    stats::hit(u32::from(cookie.function));
    // SAFETY: the kernel hands over the registers.
    let stack = unsafe { (*context.regs).rsp };
    let (Some(ssl), Some(buffer), Some(requested)) = (context.arg(0), context.arg(1), context.arg(2)) else {
        return 0;
    };
    let (Some(fourth), Some(fifth)) = (context.arg(3), context.arg(4)) else {
        return 0;
    };
    // A choice between two places of the context is none that the verifier accepts.
    let (fourth, fifth) = (memory::through_memory(fourth), memory::through_memory(fifth));
    let count = if cookie.function == WRITE_EX2 {
        fifth
    } else {
        fourth
    };
    let call = Call {
        ssl,
        buffer,
        requested,
        count,
        stack,
        sock: 0,
        conflict: 0,
        function: u32::from(cookie.function),
    };
    calls::enter(bpf_get_current_pid_tgid(), call);
    0
}

/// The same calls, when they return: only then is it known how much was moved, and a call that is repeated
/// because the socket was not ready has moved nothing.
#[uretprobe]
pub fn call_return(context: RetProbeContext) -> u32 {
    // SAFETY: the context is the one this program was called with.
    let cookie = Cookie::from_raw(unsafe { bpf_get_attach_cookie(context.as_ptr()) });
    stats::hit(HIT_RETURN + u32::from(cookie.function));
    // SAFETY: the kernel hands over the registers.
    let stack = unsafe { (*context.regs).rsp };
    let id = bpf_get_current_pid_tgid();
    let Some((call, walk)) = calls::leave(id, stack) else {
        // Without its entry no more is lost than a look at the socket.
        if !cookie.for_sockets {
            stats::lost(Fault::EntryMissed);
        }
        return 0;
    };
    let key = Key {
        ssl: call.ssl,
        tgid: (id >> 32) as u32,
        reserved: 0,
    };
    let Some(layout) = layouts::library(cookie.slot) else {
        stats::lost(Fault::Cookie);
        return 0;
    };
    let result = context.ret::<u64>() as i32;
    let moved = if cookie.for_sockets {
        0
    } else {
        moved(cookie.function, result, call.count)
    };
    if layout.proof != NAMED && !trial::allows(&key, id, cookie, &call, result, moved, layout) {
        return 0;
    }
    let found = connections::find(&key);
    let Some(tracked) = found.or_else(|| moves::begin(&key, cookie.slot, moved)) else {
        return 0;
    };
    // SAFETY: the pointer comes from the map, and a connection is used by one thread at a time.
    let state = unsafe { &mut *tracked };
    // What failed may have used the socket of a connection that carries this one, of which a write that fails passes
    // nowhere. A call that succeeds settles it.
    if result > 0 || call.sock == 0 || !matches!(facts::carrier(key.ssl, layout), Carrier::Custom) {
        socket::settle(state, &call);
    }
    socket_use::consider(state, &key, layout);
    moves::pass_on(tracked, walk, &key, id, cookie, layout, call.buffer, moved);
    0
}

/// Bytes of application data that a call moved.
#[inline(always)]
fn moved(function: u8, result: i32, count: u64) -> u64 {
    match function {
        READ | WRITE if result > 0 => result as u64,
        READ_EX | WRITE_EX | WRITE_EX2 if result == 1 => match memory::user::<u64>(count) {
            Some(moved) => moved,
            None => {
                stats::lost(Fault::UserMemory);
                0
            }
        },
        _ => 0,
    }
}
