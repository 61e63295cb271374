//! The connections under observation.

use aya_ebpf::{bindings::BPF_ANY, macros::map, maps::HashMap};
use ebpf::{
    connection::{Key, Tracked},
    fault::Fault,
};

use crate::{ring, stats};

/// A plain hash, not an LRU: what is dropped must be counted. Resized by the agent.
#[map]
static CONNECTIONS: HashMap<Key, Tracked> = HashMap::with_max_entries(65_536, 0);

static FROM_START: Tracked = Tracked::from_start();
static IN_THE_MIDDLE: Tracked = Tracked::in_the_middle();

/// The connection's state, if it is under observation.
#[inline(always)]
pub fn find(key: &Key) -> Option<*mut Tracked> {
    CONNECTIONS.get_ptr_mut(key)
}

/// Begins to observe a connection whose object was just made by the library in this slot. State left at its address is
/// overwritten.
#[inline(always)]
pub fn begin(key: &Key, library: u16) -> Option<*mut Tracked> {
    insert(key, &FROM_START, library)
}

/// Begins to observe a connection that is older than the probes of the library in this slot.
#[inline(always)]
pub fn begin_in_the_middle(key: &Key, library: u16) -> Option<*mut Tracked> {
    insert(key, &IN_THE_MIDDLE, library)
}

/// When observation of the connection began, and 1 if its object was seen being made.
#[inline(always)]
pub fn birth(key: &Key) -> Option<(u64, u8)> {
    let tracked = find(key)?;
    // SAFETY: the pointer comes from the map.
    unsafe { Some(((*tracked).born, (*tracked).from_start)) }
}

/// Ends observation; if the agent was told of the connection, tells when it began and how many records were made of
/// each direction.
#[inline(always)]
pub fn end(key: &Key) -> Option<(u64, [u32; 2])> {
    let tracked = find(key)?;
    // SAFETY: the pointer comes from the map.
    let (announced, born, sequences) = unsafe {
        let [read, write] = &(*tracked).framing.streams;
        (
            (*tracked).announced,
            (*tracked).born,
            [read.sequence, write.sequence],
        )
    };
    let _ = CONNECTIONS.remove(key);
    (announced != 0).then_some((born, sequences))
}

#[inline(always)]
fn insert(key: &Key, initial: &Tracked, library: u16) -> Option<*mut Tracked> {
    if CONNECTIONS.insert(key, initial, u64::from(BPF_ANY)).is_err() {
        stats::lost(Fault::ConnectionsFull);
        return None;
    }
    let tracked = find(key)?;
    // SAFETY: the pointer comes from the map; the object belongs to the calling thread.
    unsafe {
        (*tracked).born = ring::now();
        (*tracked).library = library;
    }
    Some(tracked)
}
