//! Tells the agent of a connection when its first application data has passed: by then the handshake is over
//! and its facts stand in the object, or, with early data, most of them.

use core::{mem, ptr};

use aya_ebpf::helpers::generated;
use ebpf::{
    connection::{ANNOUNCED, EARLY, Key, Tracked},
    fault::Fault,
    framing::entry::Protocol,
    layout::Layout,
    record::{
        ALPN, AlpnState, Carrier, Connection, Kind, NAME, NameSource, NameState, Side, Socket, SocketSource,
    },
};

use crate::{certificate, facts, names, probe::socket, reuse::News, ring, stats};

const TLS_1_3: u16 = 0x0304;
const NOT_RESUMED: u8 = 0;
const RESUMED: u8 = 1;
const RESUMED_UNKNOWN: u8 = 255;

/// Sends the connection's facts. If the ring is full it is tried again at the next call.
#[inline(always)]
pub fn announce(tracked: &mut Tracked, key: &Key, id: u64, slot: u16, layout: &Layout, news: News) {
    let Some(mut entry) = ring::reserve::<Connection>() else {
        return;
    };
    let early = !facts::is_finished(key.ssl, layout);
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
        record.renegotiated = u8::from(news as u64 == News::Renegotiated as u64);
        record.early = u8::from(early);
        record.reserved = [0; 3];
        record.client_random = random(key, layout);
        tracked.random = ptr::read_unaligned(record.client_random.as_ptr().cast());
        record.side = facts::side(key.ssl, layout) as u8;
        record.version = facts::field::<i32>(key.ssl, layout.version).unwrap_or(0) as u16;
        record.verify_mode = facts::verify_mode(key.ssl, layout);
        record.carrier = facts::carrier(key.ssl, layout) as u8;
        record.alpn_state = AlpnState::Unknown as u8;
        record.alpn_length = 0;
        record.alpn = [0; ALPN];
        record.resumed = RESUMED_UNKNOWN;
        // A client learns with the server's answer whether the session is resumed, and which protocol is chosen.
        if !early || record.side != Side::Client as u8 {
            facts::alpn(record, key.ssl, layout);
            record.resumed = resumed(key, layout);
        }
        tracked.framing.protocol =
            Protocol::chosen(record.alpn_state, &record.alpn, record.alpn_length) as u8;
        name(record, key, layout);
        place(record, tracked);
        (record.side, record.resumed)
    };
    ring::submit(entry, ring::Urgency::Soon);
    tracked.announced = if early { EARLY } else { ANNOUNCED };
    // What a server would present now is not what it presented when the session began.
    if side == Side::Client as u8 && !early {
        certificate::send(tracked, key, id, layout, certificate::of_peer(key.ssl, layout), 0);
    } else if side == Side::Server as u8 && resumed == NOT_RESUMED {
        certificate::send(tracked, key, id, layout, certificate::own(key.ssl, layout), 1);
    }
}

#[inline(always)]
fn random(key: &Key, layout: &Layout) -> [u8; 32] {
    let Some(random) = facts::client_random::<[u64; 4]>(key.ssl, layout) else {
        return [0; 32];
    };
    if random == [0; 4] {
        stats::lost(Fault::Fact);
    }
    // SAFETY: both are 32 bytes that may have any value.
    unsafe { mem::transmute(random) }
}

#[inline(always)]
fn resumed(key: &Key, layout: &Layout) -> u8 {
    match facts::field::<i32>(key.ssl, layout.resumed) {
        Some(0) => NOT_RESUMED,
        Some(_) => RESUMED,
        None => RESUMED_UNKNOWN,
    }
}

#[inline(always)]
fn name(record: &mut Connection, key: &Key, layout: &Layout) {
    record.name_length = 0;
    record.name_source = NameSource::Unknown as u8;
    record.name_state = NameState::Unknown as u8;
    let Some(address) = facts::field::<u64>(key.ssl, layout.hostname) else {
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
    // A BIO of another kind has taken the place of the one with the descriptor.
    let replaced = record.carrier == Carrier::Memory as u8 || record.carrier == Carrier::Custom as u8;
    let descriptor = socket::of_descriptor(if replaced { -1 } else { tracked.descriptor });
    let disagrees = descriptor.is_some() && tracked.sock != 0 && descriptor != Some(tracked.sock);
    if tracked.conflict != 0 || disagrees {
        stats::lost(Fault::SocketConflict);
        record.socket.source = SocketSource::Conflict as u8;
    } else if let Some(sock) = descriptor {
        socket::describe(sock, SocketSource::Descriptor, &mut record.socket);
    } else if tracked.sock != 0 {
        socket::describe(tracked.sock, SocketSource::Nested, &mut record.socket);
    }
    if record.socket.source != Socket::UNKNOWN.source {
        tracked.placed = 1;
    }
}
