//! What became of a connection object when application data moves through it.

use ebpf::{
    connection::{EARLY, Key, Tracked},
    layout::Layout,
    record::Side,
};

use crate::{close, connections, facts};

/// What the agent has to be told before the data.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum News {
    /// Nothing.
    Nothing = 0,
    /// The connection.
    Connection = 1,
    /// That its handshake is over, and with what facts.
    Finished = 2,
    /// That it renegotiated, and with what facts.
    Renegotiated = 3,
}

/// Compares the object with what the agent was told of it. Gives the connection that it is now.
#[inline(always)]
pub fn follow(tracked: *mut Tracked, key: &Key, id: u64, layout: &Layout) -> Option<(*mut Tracked, News)> {
    // SAFETY: the pointer comes from the map, and a connection is used by one thread at a time.
    let state = unsafe { &mut *tracked };
    if state.announced == 0 {
        return Some((tracked, News::Connection));
    }
    if state.announced == EARLY {
        if !facts::is_finished(key.ssl, layout) {
            return Some((tracked, News::Nothing));
        }
        let client = facts::side(key.ssl, layout) as u8 == Side::Client as u8;
        if client && facts::is_early_data_rejected(key.ssl, layout) {
            // What was written early reached nobody, and the program writes it anew.
            return another(key, id, state);
        }
        return Some((tracked, News::Finished));
    }
    let known = state.random;
    let random = facts::client_random::<u64>(key.ssl, layout);
    if known == 0 || random.is_none() || random == Some(known) {
        return Some((tracked, News::Nothing));
    }
    if layout.clears == 0 {
        // A renegotiation looks like this as well as an object that is put to use for another connection. Taking one
        // connection for two mixes no names; taking two for one does.
        return Some((connections::begin(key, state.library)?, News::Connection));
    }
    if facts::is_finished(key.ssl, layout) {
        return Some((tracked, News::Renegotiated));
    }
    Some((tracked, News::Nothing))
}

#[inline(always)]
fn another(key: &Key, id: u64, state: &Tracked) -> Option<(*mut Tracked, News)> {
    let (descriptor, sock, moved) = (state.descriptor, state.sock, state.moved);
    let tracked = close::restart(key, id, descriptor, state.library)?;
    // SAFETY: as above.
    unsafe {
        (*tracked).sock = sock;
        (*tracked).moved = moved;
    }
    Some((tracked, News::Connection))
}
