//! Tells the agent of a connection when its first application data has passed: by then the handshake is over
//! and its facts stand in the object.

use core::ptr;

use aya_ebpf::helpers::generated;
use ebpf::{
    connection::{Key, Tracked},
    fault::Fault,
    layout::{Layout, UNKNOWN},
    record::{
        ALPN, AlpnState, Carrier, Connection, Kind, NAME, NameSource, NameState, Side, Socket, SocketSource,
        VERIFY_UNKNOWN,
    },
};

use crate::{certificate, layouts, memory, names, probe::socket, ring, stats};

const TLS_1_0: i32 = 0x0301;
const TLS_1_3: u16 = 0x0304;
const NOT_RESUMED: u8 = 0;
const RESUMED: u8 = 1;
const RESUMED_UNKNOWN: u8 = 255;

/// Sends the connection's facts. If the ring is full it is tried again at the next call.
#[inline(always)]
pub fn announce(tracked: &mut Tracked, key: &Key, id: u64, slot: u16) {
    let Some(layout) = layouts::library(slot) else {
        stats::lost(Fault::Cookie);
        return;
    };
    let Some(mut entry) = ring::reserve::<Connection>() else {
        return;
    };
    let record = entry.as_mut_ptr();
    // SAFETY: the entry is this program's alone until it is submitted, and every field is written.
    let (side, resumed) = unsafe {
        let record = &mut *record;
        record.header = ring::header(
            Kind::Connection,
            size_of::<Connection>() as u32,
            id,
            key.ssl,
            tracked.born,
        );
        record.library = slot;
        record.from_start = tracked.from_start;
        record.renegotiated = 0;
        record.verify_mode = VERIFY_UNKNOWN;
        record.alpn_state = AlpnState::Unknown as u8;
        record.alpn_length = 0;
        record.alpn = [0; ALPN];
        record.carrier = Carrier::Unknown as u8;
        record.reserved = [0; 4];
        record.client_random = client_random(key.ssl, layout).unwrap_or([0; 32]);
        tracked.random = ptr::read_unaligned(record.client_random.as_ptr().cast());
        record.side = match field::<i32>(key.ssl, layout.server) {
            Some(0) => Side::Client as u8,
            Some(1) => Side::Server as u8,
            _ => Side::Unknown as u8,
        };
        record.version = field::<i32>(key.ssl, layout.version).unwrap_or(0) as u16;
        record.resumed = match field::<i32>(key.ssl, layout.resumed) {
            Some(0) => NOT_RESUMED,
            Some(_) => RESUMED,
            None => RESUMED_UNKNOWN,
        };
        name(record, key, layout);
        place(record, tracked);
        (record.side, record.resumed)
    };
    ring::submit(entry, ring::Urgency::Soon);
    tracked.announced = 1;
    // What a server would present now is not what it presented when the session began.
    if side == Side::Client as u8 {
        certificate::send(tracked, key, id, layout, certificate::of_peer(key.ssl, layout), 0);
    } else if side == Side::Server as u8 && resumed == NOT_RESUMED {
        certificate::send(tracked, key, id, layout, certificate::own(key.ssl, layout), 1);
    }
}

/// Whether the object is a connection of TLS, as far as its version tells.
#[inline(always)]
pub fn is_connection(ssl: u64, slot: u16) -> bool {
    let Some(layout) = layouts::library(slot) else {
        return true;
    };
    match field::<i32>(ssl, layout.version) {
        Some(version) => version >= TLS_1_0 && version <= i32::from(TLS_1_3),
        None => true,
    }
}

/// The ClientHello's random, or the first bytes of it.
#[inline(always)]
pub fn client_random<T: Copy>(ssl: u64, layout: &Layout) -> Option<T> {
    let [pointer, offset] = layout.client_random;
    let object = if pointer == UNKNOWN {
        ssl
    } else {
        field::<u64>(ssl, pointer)?
    };
    field(object, offset)
}

#[inline(always)]
fn name(record: &mut Connection, key: &Key, layout: &Layout) {
    record.name_length = 0;
    record.name_source = NameSource::Unknown as u8;
    record.name_state = NameState::Unknown as u8;
    let Some(address) = field::<u64>(key.ssl, layout.hostname) else {
        // SAFETY: the field has NAME bytes.
        record.name_length = unsafe { names::recall(key, record.name.as_mut_ptr()) };
        if record.name_length > 0 && record.side == Side::Client as u8 {
            record.name_state = NameState::Sent as u8;
            record.name_source = NameSource::Call as u8;
        }
        return;
    };
    if address == 0 {
        // Before TLS 1.3 a server that resumes does not keep the name that was sent with it.
        let kept = record.side == Side::Client as u8
            || record.side == Side::Server as u8
                && (record.resumed == NOT_RESUMED || record.version >= TLS_1_3);
        if kept {
            record.name_state = NameState::Absent as u8;
            record.name_source = NameSource::Object as u8;
        }
        return;
    }
    // SAFETY: the field has NAME bytes.
    let written = unsafe {
        generated::bpf_probe_read_user_str(record.name.as_mut_ptr().cast(), NAME as u32, address as *const _)
    };
    if written > 1 && written <= NAME as i64 {
        record.name_length = written as u16 - 1;
        record.name_state = NameState::Sent as u8;
        record.name_source = NameSource::Object as u8;
    } else {
        stats::lost(Fault::UserMemory);
    }
}

#[inline(always)]
fn place(record: &mut Connection, tracked: &mut Tracked) {
    record.socket = Socket::UNKNOWN;
    let descriptor = socket::of_descriptor(tracked.descriptor);
    let disagrees = descriptor.is_some() && tracked.sock != 0 && descriptor != Some(tracked.sock);
    if tracked.conflict != 0 || disagrees {
        stats::lost(Fault::SocketConflict);
        record.socket.source = SocketSource::Conflict as u8;
    } else if let Some(sock) = descriptor {
        socket::describe(sock, SocketSource::Descriptor, &mut record.socket);
    } else if tracked.sock != 0 {
        socket::describe(tracked.sock, SocketSource::Nested, &mut record.socket);
    }
}

#[inline(always)]
pub fn field<T: Copy>(object: u64, offset: u32) -> Option<T> {
    if object == 0 || offset == UNKNOWN {
        return None;
    }
    memory::user(object + u64::from(offset))
}
