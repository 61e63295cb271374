//! Sockets of processes that move the bytes of TLS themselves, as programs do that feed the library from memory:
//! the library never touches the socket, so all that can be told is which sockets the process uses.

use core::{cell::UnsafeCell, ptr};

use aya_ebpf::{bindings::BPF_ANY, macros::map, maps::LruHashMap};
use ebpf::{
    connection::{Key, Tracked},
    layout::Layout,
    record::{Carrier, Kind, Socket, SocketSource, SocketUse},
};

use crate::{facts, probe::socket, ring};

/// The processes, each with the time when it was found to be one.
#[map]
static MOVERS: LruHashMap<u32, u64> = LruHashMap::with_max_entries(4096, 0);

/// What the agent was told. What is pushed out is told again.
#[map]
static TOLD: LruHashMap<Told, u8> = LruHashMap::with_max_entries(16_384, 0);

/// Set once there was such a process: until then, a socket call costs no look-up.
static ANY: Switch = Switch(UnsafeCell::new(0));

/// A number that programs on all processors share, and that is only ever set. The linker knows no atomic stores.
#[repr(transparent)]
struct Switch(UnsafeCell<u32>);

// SAFETY: it is only read and written whole, and who reads an old value loses nothing but a little time.
unsafe impl Sync for Switch {}

impl Switch {
    #[inline(always)]
    fn set(&self) {
        // SAFETY: the cell is a static.
        unsafe { ptr::write_volatile(self.0.get(), 1) };
    }

    #[inline(always)]
    fn is_set(&self) -> bool {
        // SAFETY: as above.
        unsafe { ptr::read_volatile(self.0.get()) != 0 }
    }
}

/// A use of a socket. The ports tell a `struct sock` from one that stood at its address before, the time a process
/// from the image that it ran before.
#[derive(Clone, Copy)]
#[repr(C)]
struct Told {
    sock: u64,
    since: u64,
    tgid: u32,
    local_port: u16,
    peer_port: u16,
}

/// Considers a connection of which a call returned that used no socket.
#[inline(always)]
pub fn consider(tracked: &mut Tracked, key: &Key, layout: &Layout) {
    if tracked.announced != 0 || tracked.moved != 0 || tracked.sock != 0 {
        return;
    }
    match facts::carrier(key.ssl, layout) {
        Carrier::Descriptor => return,
        Carrier::Unknown if tracked.descriptor >= 0 => return,
        _ => {}
    }
    tracked.moved = 1;
    if MOVERS.get_ptr(&key.tgid).is_none() {
        let _ = MOVERS.insert(&key.tgid, &ring::now(), u64::from(BPF_ANY));
        ANY.set();
    }
}

/// Forgets a process that replaced its image or ended.
#[inline(always)]
pub fn forget(tgid: u32) {
    if ANY.is_set() {
        let _ = MOVERS.remove(&tgid);
    }
}

/// Tells of a socket that was used outside of TLS calls.
#[inline(always)]
pub fn note(sock: u64, id: u64) {
    if !ANY.is_set() {
        return;
    }
    let tgid = (id >> 32) as u32;
    let Some(since) = MOVERS.get_ptr(&tgid) else {
        return;
    };
    let Some((local_port, peer_port)) = socket::ports(sock) else {
        return;
    };
    let told = Told {
        sock,
        // SAFETY: the pointer comes from the map.
        since: unsafe { *since },
        tgid,
        local_port,
        peer_port,
    };
    if TOLD.get_ptr(&told).is_some() || !socket::is_tcp(sock) {
        return;
    }
    let mut found = Socket::UNKNOWN;
    socket::describe(sock, SocketSource::Process, &mut found);
    if found.family == 0 {
        return;
    }
    let Some(mut entry) = ring::reserve::<SocketUse>() else {
        return;
    };
    entry.write(SocketUse {
        header: ring::header(Kind::SocketUse, size_of::<SocketUse>() as u32, id, 0, 0),
        socket: found,
        reserved: 0,
    });
    ring::submit(entry, ring::Urgency::Soon);
    let _ = TOLD.insert(&told, &1, u64::from(BPF_ANY));
}
