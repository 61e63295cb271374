//! Ends connections, and tells the agent of it.

use ebpf::{
    connection::{Key, Tracked},
    record::{Close, Kind},
};

use crate::{connections, ring};

/// The connection is over.
#[inline(always)]
pub fn end(key: &Key, id: u64) {
    let Some((born, sequences)) = connections::end(key) else {
        return;
    };
    let Some(mut slot) = ring::reserve::<Close>() else {
        return;
    };
    let header = ring::header(Kind::Close, size_of::<Close>() as u32, id, key.ssl, born);
    slot.write(Close { header, sequences });
    ring::submit(slot, ring::Urgency::Soon);
}

/// The connection is over, and another begins with the same object and the same descriptor.
#[inline(always)]
pub fn restart(key: &Key, id: u64, descriptor: i32, library: u16) -> Option<*mut Tracked> {
    end(key, id);
    let tracked = connections::begin(key, library)?;
    // SAFETY: the pointer comes from the map; the object belongs to the calling thread.
    unsafe { (*tracked).descriptor = descriptor };
    Some(tracked)
}
