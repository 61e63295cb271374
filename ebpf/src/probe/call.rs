//! The calls that move application data or shake hands.

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_attach_cookie, bpf_get_current_pid_tgid},
    macros::{uprobe, uretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use ebpf::{
    call::{Call, Walk},
    connection::{Key, Tracked},
    fault::Fault,
    function::{Cookie, Function, HIT_RETURN},
    layout::{Layout, NAMED},
    record::Direction,
};

use crate::{
    announce, calls, connections, facts, layouts, memory,
    reuse::{self, News},
    socket_use, stats, trial, walk,
};

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
    let moved = moved(cookie.function, result, call.count);
    if layout.proof != NAMED && !trial::allows(&key, id, cookie, &call, result, moved, layout) {
        return 0;
    }
    let found = connections::find(&key);
    let Some(tracked) = found.or_else(|| begin(&key, moved)) else {
        return 0;
    };
    // SAFETY: the pointer comes from the map, and a connection is used by one thread at a time.
    let state = unsafe { &mut *tracked };
    note_socket(state, &call);
    socket_use::consider(state, &key, layout);
    if moved != 0
        && let Some((tracked, news)) = reuse::follow(tracked, &key, id, layout)
        && tell(tracked, &key, id, cookie.slot, layout, news)
    {
        data(tracked, walk, id, cookie, &call, moved);
    }
    0
}

/// Begins to observe a connection that is older than the probes, if it moves data.
#[inline(always)]
fn begin(key: &Key, moved: u64) -> Option<*mut Tracked> {
    if moved == 0 {
        return None;
    }
    connections::begin_in_the_middle(key)
}

/// Tells the agent what it must know before the data; `false` if the object is no connection of TLS.
#[inline(always)]
fn tell(tracked: *mut Tracked, key: &Key, id: u64, slot: u16, layout: &Layout, news: News) -> bool {
    if news as u64 == News::Nothing as u64 {
        return true;
    }
    if !facts::is_connection(key.ssl, layout) {
        stats::lost(Fault::Object);
        return false;
    }
    // SAFETY: as above.
    announce::announce(unsafe { &mut *tracked }, key, id, slot, layout, news);
    true
}

#[inline(always)]
fn data(tracked: *mut Tracked, walk: *mut Walk, id: u64, cookie: Cookie, call: &Call, moved: u64) {
    let read = cookie.function == READ || cookie.function == READ_EX;
    let direction = if read { Direction::Read } else { Direction::Write };
    // SAFETY: the pointer comes from the thread's map entry.
    unsafe {
        (*walk).buffer = call.buffer;
        (*walk).length = moved;
        (*walk).position = 0;
        (*walk).head = walk::NONE;
        (*walk).id = id;
        (*walk).ssl = call.ssl;
        (*walk).direction = direction as u64;
    }
    walk::walk(tracked, walk);
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

#[inline(always)]
fn note_socket(tracked: &mut Tracked, call: &Call) {
    if tracked.announced != 0 || call.sock == 0 {
        return;
    }
    if call.conflict != 0 || tracked.sock != 0 && tracked.sock != call.sock {
        tracked.conflict = 1;
    } else {
        tracked.sock = call.sock;
    }
}
