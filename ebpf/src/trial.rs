//! Functions that were found by what their code does: while they are on trial, nothing of them is told but sightings.
//! From these the agent judges whether they are what they were taken for.

use core::mem;

use aya_ebpf::{bindings::BPF_ANY, macros::map, maps::LruHashMap};
use ebpf::{
    call::Call,
    connection::Key,
    function::{Cookie, Function},
    layout::{Layout, PROMOTED},
    opening::{self, Opening},
    record::{Direction, Kind, Sighting, Socket, SocketSource},
};

use crate::{connections, facts, memory, probe::socket, ring};

const READ: u8 = Function::SslRead as u8;
const WRITE: u8 = Function::SslWrite as u8;
const READ_EX: u8 = Function::SslReadEx as u8;
const WRITE_EX: u8 = Function::SslWriteEx as u8;
const WRITE_EX2: u8 = Function::SslWriteEx2 as u8;

/// How often a direction of a connection is sighted, nanoseconds. A trial needs few, and its target serves on
/// meanwhile.
const EVERY: u64 = 1_000_000_000;

/// Sightings of one library in a second: each wakes the agent, at the observed process's cost.
const MOST: u64 = 100;

/// How many sightings of a library there were in the second that began then.
#[derive(Clone, Copy)]
#[repr(C)]
struct Telling {
    since: u64,
    count: u64,
}

/// By the slots of the libraries.
#[map]
static TELLING: LruHashMap<u32, Telling> = LruHashMap::with_max_entries(1024, 0);

/// What was sighted of a connection.
#[derive(Clone, Copy)]
#[repr(C)]
struct Sighted {
    /// Tells it from others at its address: when observation of it began.
    born: u64,
    /// Whether its object was seen being made.
    from_start: u64,
    /// When each direction was sighted last; 0: never.
    last: [u64; 2],
}

#[map]
static SIGHTED: LruHashMap<Key, Sighted> = LruHashMap::with_max_entries(4096, 0);

/// Whether what the call moved may be told. Tells of a sighting where that is due.
#[inline(always)]
pub fn allows(
    key: &Key,
    id: u64,
    cookie: Cookie,
    call: &Call,
    result: i32,
    moved: u64,
    layout: &Layout,
) -> bool {
    let impossible = is_impossible(cookie.function, call, result, moved);
    if layout.proof == PROMOTED && !impossible {
        return true;
    }
    if moved != 0 || impossible {
        sight(key, id, cookie, call, moved, layout, impossible);
    }
    false
}

#[inline(always)]
fn is_impossible(function: u8, call: &Call, result: i32, moved: u64) -> bool {
    match function {
        // An `int`: the register's upper half is anything.
        READ | WRITE => moved > call.requested & 0xffff_ffff,
        READ_EX | WRITE_EX | WRITE_EX2 => result > 1 || moved > call.requested,
        _ => false,
    }
}

#[inline(always)]
fn sight(key: &Key, id: u64, cookie: Cookie, call: &Call, moved: u64, layout: &Layout, impossible: bool) {
    let Some(sighted) = sighted(key, cookie.slot) else {
        return;
    };
    let direction = if cookie.function == READ || cookie.function == READ_EX {
        Direction::Read
    } else {
        Direction::Write
    };
    let now = ring::now();
    let last = &mut sighted.last[direction as usize & 1];
    let first = *last == 0;
    if !first && !impossible && now < *last + EVERY {
        return;
    }
    *last = now;
    if !may_tell(cookie.slot, now) {
        return;
    }
    let mut socket = Socket::UNKNOWN;
    if call.sock != 0 && call.conflict == 0 {
        socket::describe(call.sock, SocketSource::Nested, &mut socket);
    }
    let Some(mut slot) = ring::reserve::<Sighting>() else {
        return;
    };
    let random = facts::client_random::<[u64; 4]>(key.ssl, layout).unwrap_or([0; 4]);
    let opening = memory::user::<[u8; opening::LENGTH]>(call.buffer)
        .map_or(Opening::Other, |octets| Opening::of(&octets, moved));
    slot.write(Sighting {
        header: ring::header(
            Kind::Sighting,
            size_of::<Sighting>() as u32,
            id,
            key.ssl,
            sighted.born,
        ),
        // SAFETY: both are 32 bytes that may have any value.
        client_random: unsafe { mem::transmute::<[u64; 4], [u8; 32]>(random) },
        requested: call.requested,
        moved,
        library: cookie.slot,
        function: cookie.function,
        from_start: sighted.from_start as u8,
        first: u8::from(first),
        impossible: u8::from(impossible),
        opening: opening as u8,
        reserved: 0,
        socket,
        padding: [0; 4],
    });
    ring::submit(slot, ring::Urgency::Now);
}

/// Whether there were few enough sightings of this library of late. Two processors may both take the last place.
#[inline(always)]
fn may_tell(slot: u16, now: u64) -> bool {
    let slot = u32::from(slot);
    if let Some(telling) = TELLING.get_ptr_mut(&slot) {
        // SAFETY: the pointer comes from the map.
        let telling = unsafe { &mut *telling };
        if now < telling.since + EVERY {
            telling.count += 1;
            return telling.count <= MOST;
        }
    }
    let telling = Telling { since: now, count: 1 };
    let _ = TELLING.insert(&slot, &telling, u64::from(BPF_ANY));
    true
}

/// What was sighted of the connection so far.
#[inline(always)]
fn sighted(key: &Key, library: u16) -> Option<&'static mut Sighted> {
    let (born, from_start) = connections::birth(key).unwrap_or((0, 0));
    if let Some(sighted) = SIGHTED.get_ptr_mut(key) {
        // SAFETY: the pointer comes from the map, and a connection is used by one thread at a time.
        let sighted = unsafe { &mut *sighted };
        if sighted.born == born {
            return Some(sighted);
        }
    }
    // What it says from here on is not followed: should it be told one day, it is in the middle.
    connections::begin_in_the_middle(key, library)?;
    let (born, _) = connections::birth(key)?;
    let sighted = Sighted {
        born,
        from_start: u64::from(from_start),
        last: [0; 2],
    };
    SIGHTED.insert(key, &sighted, u64::from(BPF_ANY)).ok()?;
    // SAFETY: as above.
    SIGHTED.get_ptr_mut(key).map(|sighted| unsafe { &mut *sighted })
}
