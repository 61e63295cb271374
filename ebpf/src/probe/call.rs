//! The calls that move application data or shake hands.

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_attach_cookie, bpf_get_current_pid_tgid},
    macros::{uprobe, uretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use ebpf::{
    call::{Call, MORE, OTHERS, Walk},
    connection::{ANNOUNCED, Key, Tracked},
    fault::Fault,
    function::{Cookie, Function, HIT_RETURN},
    layout::{Layout, NAMED},
    record::Direction,
};

use super::socket;
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
    pass_on(tracked, walk, &key, id, cookie, layout, call.buffer, moved);
    0
}

/// Tells the agent what it does not know of a connection, and the data that it moved.
#[inline(always)]
#[expect(
    clippy::too_many_arguments,
    reason = "what two programs share; it is built into both"
)]
pub fn pass_on(
    tracked: *mut Tracked,
    walk: *mut Walk,
    key: &Key,
    id: u64,
    cookie: Cookie,
    layout: &Layout,
    buffer: u64,
    moved: u64,
) {
    if is_passed_over(tracked, cookie, layout, moved) {
        return;
    }
    let followed = if moved == 0 {
        Some((tracked, News::Nothing))
    } else {
        reuse::follow(tracked, key, id, layout)
    };
    let Some((tracked, news)) = followed else { return };
    // One place for all news: built in twice, the program would be too much for the verifier.
    let news = if news as u64 == News::Nothing as u64 && is_found_late(tracked) {
        News::Finished
    } else {
        news
    };
    if tell(tracked, key, id, cookie.slot, layout, news) && moved != 0 {
        data(tracked, walk, id, cookie, key.ssl, buffer, moved);
    }
}

/// Passes over data that is body, and of which the next call will be, too: no more has to be known of it, as what became
/// of the connection is asked before anything of it is handed up again. Most calls of large answers are such.
#[inline(always)]
fn is_passed_over(tracked: *mut Tracked, cookie: Cookie, layout: &Layout, moved: u64) -> bool {
    // SAFETY: the pointer comes from the map, and a connection is used by one thread at a time.
    let state = unsafe { &mut *tracked };
    // Without `SSL_clear` an object that is put to use for another connection shows nowhere but in what it holds.
    if moved == 0 || layout.clears == 0 || state.announced != ANNOUNCED || is_found_late(tracked) {
        return false;
    }
    let requests = &state.framing.requests;
    let stream = &mut state.framing.streams[direction_of(cookie) as usize & 1];
    if requests.tunnel != 0 || !stream.is_all_body(moved) {
        return false;
    }
    stream.pass(moved);
    stream.offset += moved;
    true
}

#[inline(always)]
fn direction_of(cookie: Cookie) -> Direction {
    if cookie.function == READ || cookie.function == READ_EX {
        Direction::Read
    } else {
        Direction::Write
    }
}

/// Whether the socket of a connection was found only after the agent had been told of it.
#[inline(always)]
fn is_found_late(tracked: *mut Tracked) -> bool {
    // SAFETY: the pointer comes from the map, and a connection is used by one thread at a time.
    let state = unsafe { &*tracked };
    state.announced == ANNOUNCED && state.placed == 0 && state.sock != 0
}

/// Begins to observe a connection that is older than the probes, if it moves data.
#[inline(always)]
pub fn begin(key: &Key, moved: u64) -> Option<*mut Tracked> {
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
fn data(tracked: *mut Tracked, walk: *mut Walk, id: u64, cookie: Cookie, ssl: u64, buffer: u64, moved: u64) {
    // SAFETY: the pointer comes from the thread's map entry.
    unsafe {
        (*walk).buffer = buffer;
        (*walk).length = moved;
        (*walk).position = 0;
        (*walk).head = walk::NONE;
        (*walk).id = id;
        (*walk).ssl = ssl;
        (*walk).direction = direction_of(cookie) as u64;
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
    if tracked.placed != 0 || call.sock == 0 || call.conflict & OTHERS != 0 || !socket::is_tcp(call.sock) {
        return;
    }
    if call.conflict & MORE != 0 || tracked.sock != 0 && tracked.sock != call.sock {
        tracked.conflict = 1;
    } else {
        tracked.sock = call.sock;
    }
}
