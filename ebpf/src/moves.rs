//! What becomes of data that a connection moved: the agent is told what it does not know yet, then of the data.

use ebpf::{
    call::Walk,
    connection::{ANNOUNCED, Key, Tracked},
    fault::Fault,
    function::{Cookie, Function},
    layout::Layout,
    record::Direction,
};

use crate::{
    announce, connections, facts,
    reuse::{self, News},
    stats, walk,
};

const READ: u8 = Function::SslRead as u8;
const READ_EX: u8 = Function::SslReadEx as u8;

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
pub fn begin(key: &Key, library: u16, moved: u64) -> Option<*mut Tracked> {
    if moved == 0 {
        return None;
    }
    connections::begin_in_the_middle(key, library)
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
