//! Reads the facts in a connection object, and believes only what they can be.

use ebpf::{
    fault::Fault,
    layout::{Layout, UNKNOWN},
    record::{ALPN, AlpnState, Carrier, Connection, Side, VERIFY_UNKNOWN},
};

use crate::{memory, stats};

const TLS_1_0: i32 = 0x0301;
const TLS_1_3: i32 = 0x0304;
/// `TLS_ST_OK` of `OSSL_HANDSHAKE_STATE`.
const FINISHED: u32 = 1;
/// `SSL_EARLY_DATA_REJECTED`
const REJECTED: u32 = 1;
/// All bits of `SSL_VERIFY_*`.
const VERIFY: u32 = 15;
/// Longest protocol name, RFC 7301, section 3.1.
const LONGEST_PROTOCOL: u64 = 255;

/// Whether the object is a connection of TLS, as far as its kind and version tell.
#[inline(always)]
pub fn is_connection(ssl: u64, layout: &Layout) -> bool {
    if layout.kind != UNKNOWN && field::<u32>(ssl, layout.kind) != Some(0) {
        return false;
    }
    match field::<i32>(ssl, layout.version) {
        Some(version) => version >= TLS_1_0 && version <= TLS_1_3,
        None => true,
    }
}

/// Whether the handshake is over; if that cannot be read, it is, as without early data it always is when
/// application data moves.
#[inline(always)]
pub fn is_finished(ssl: u64, layout: &Layout) -> bool {
    match field::<u32>(ssl, layout.state) {
        Some(state) => state == FINISHED,
        None => true,
    }
}

/// Whether the server passed over the early data that a client sent.
#[inline(always)]
pub fn is_early_data_rejected(ssl: u64, layout: &Layout) -> bool {
    field::<u32>(ssl, layout.early_data) == Some(REJECTED)
}

/// How many own the object.
#[inline(always)]
pub fn owners(ssl: u64, layout: &Layout) -> Option<i32> {
    field(ssl, layout.references)
}

/// The ClientHello's random, or the first bytes of it.
#[inline(always)]
pub fn client_random<T: Copy>(ssl: u64, layout: &Layout) -> Option<T> {
    let [pointer, offset] = layout.client_random;
    field(holder(ssl, pointer)?, offset)
}

/// Which side of the connection the process is.
#[inline(always)]
pub fn side(ssl: u64, layout: &Layout) -> Side {
    match field::<i32>(ssl, layout.server) {
        Some(0) => Side::Client,
        Some(1) => Side::Server,
        None => Side::Unknown,
        Some(_) => {
            stats::lost(Fault::Fact);
            Side::Unknown
        }
    }
}

/// What this side demands of its peer.
#[inline(always)]
pub fn verify_mode(ssl: u64, layout: &Layout) -> u8 {
    match field::<u32>(ssl, layout.verify_mode) {
        Some(mode) if mode <= VERIFY => mode as u8,
        None => VERIFY_UNKNOWN,
        Some(_) => {
            stats::lost(Fault::Fact);
            VERIFY_UNKNOWN
        }
    }
}

/// What carries the connection's records.
#[inline(always)]
pub fn carrier(ssl: u64, layout: &Layout) -> Carrier {
    /// `BIO_TYPE_SOCKET`, `BIO_TYPE_FD`, `BIO_TYPE_MEM`, `BIO_TYPE_BIO` (a pair of BIOs in memory).
    const SOCKET: u32 = 5 | 0x500;
    const FD: u32 = 4 | 0x500;
    const MEM: u32 = 1 | 0x400;
    const PAIR: u32 = 19 | 0x400;
    /// An index of eight bits below bits for its kind.
    const LARGEST: u32 = 0xffff;
    let [method, number] = layout.bio_type;
    let Some(bio) = field::<u64>(ssl, layout.read_bio) else {
        return Carrier::Unknown;
    };
    match field::<u64>(bio, method).and_then(|method| field::<u32>(method, number)) {
        Some(SOCKET | FD) => Carrier::Descriptor,
        Some(MEM | PAIR) => Carrier::Memory,
        Some(1..=LARGEST) => Carrier::Custom,
        None => Carrier::Unknown,
        Some(_) => {
            stats::lost(Fault::Fact);
            Carrier::Unknown
        }
    }
}

/// Fills in the protocol that ALPN chose.
#[inline(always)]
pub fn alpn(record: &mut Connection, ssl: u64, layout: &Layout) {
    let [pointer, name, length] = layout.alpn;
    let Some(holder) = holder(ssl, pointer) else {
        return;
    };
    let (Some(name), Some(length)) = (field::<u64>(holder, name), field::<u64>(holder, length)) else {
        return;
    };
    if name == 0 {
        record.alpn_state = AlpnState::Absent as u8;
    } else if length == 0 || length > LONGEST_PROTOCOL {
        stats::lost(Fault::Fact);
    } else if length <= ALPN as u64 {
        // SAFETY: the field has ALPN bytes.
        if unsafe { memory::copy_user::<ALPN>(record.alpn.as_mut_ptr(), name, length) } {
            record.alpn_state = AlpnState::Chosen as u8;
            record.alpn_length = length as u8;
        } else {
            stats::lost(Fault::UserMemory);
        }
    }
}

/// The value at an offset of an object; `None` if there is no object, or the offset is unknown.
#[inline(always)]
pub fn field<T: Copy>(object: u64, offset: u32) -> Option<T> {
    if object == 0 || offset == UNKNOWN {
        return None;
    }
    let value = memory::user(object + u64::from(offset));
    if value.is_none() {
        stats::lost(Fault::UserMemory);
    }
    value
}

/// The object itself, or the one that it points to there.
#[inline(always)]
fn holder(ssl: u64, pointer: u32) -> Option<u64> {
    if pointer == UNKNOWN {
        return Some(ssl);
    }
    field(ssl, pointer)
}
