//! The facts of a connection, and its end.

use super::{Header, Socket};

/// Longest server name kept: RFC 1035, section 3.1 allows 255 octets.
pub const NAME: usize = 256;
/// Longest ALPN protocol name kept; registered ones have at most 18 octets, RFC 7301 allows 255.
pub const ALPN: usize = 32;

/// Which side of the connection the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Side {
    /// Not known.
    Unknown = 0,
    /// It accepts.
    Server = 1,
    /// It dials.
    Client = 2,
}

/// What is known of the server name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum NameState {
    /// Not known.
    Unknown = 0,
    /// None was sent.
    Absent = 1,
    /// It stands in the record.
    Sent = 2,
}

/// How the server name was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum NameSource {
    /// Not at all.
    Unknown = 0,
    /// Read from the connection object.
    Object = 1,
    /// From the client's call of `SSL_set_tlsext_host_name`.
    Call = 2,
}

/// What is known of the protocol that ALPN chose (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AlpnState {
    /// Not known.
    Unknown = 0,
    /// None was chosen.
    Absent = 1,
    /// It stands in the record.
    Chosen = 2,
}

/// What carries the records of a connection object, as its BIO tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Carrier {
    /// Not known.
    Unknown = 0,
    /// A socket or file descriptor of the process.
    Descriptor = 1,
    /// Memory: the program moves the bytes to and from its socket itself. A BIO of a program's own may call itself
    /// so and use the socket all the same, as Apache's do.
    Memory = 2,
    /// A kind of the program's own.
    Custom = 3,
}

/// [`Connection::verify_mode`]: not known. Known ones are combinations of OpenSSL's `SSL_VERIFY_*`, 0 to 15.
pub const VERIFY_UNKNOWN: u8 = 255;

/// The facts of a connection, sent when its first application data has passed, and again, with the same
/// [`Header::born`], if it renegotiates, and when its handshake is over if data came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Connection {
    /// What every record begins with.
    pub header: Header,
    /// The ClientHello's random; all zero if unknown.
    pub client_random: [u8; 32],
    /// The socket.
    pub socket: Socket,
    /// Slot of the library's layout.
    pub library: u16,
    /// A [`Side`].
    pub side: u8,
    /// A [`NameState`].
    pub name_state: u8,
    /// A [`NameSource`].
    pub name_source: u8,
    /// 1 if the connection object was seen being made, 0 if it is older than the probes.
    pub from_start: u8,
    /// 0 not resumed, 1 resumed, 255 unknown.
    pub resumed: u8,
    /// 1 if the connection was announced before and has renegotiated since (RFC 5246, section 7.4.1.1).
    pub renegotiated: u8,
    /// 0x0303 TLS 1.2, 0x0304 TLS 1.3, 0 unknown.
    pub version: u16,
    /// Bytes of `name` that hold something.
    pub name_length: u16,
    /// Whether this side asks its peer for a certificate (`SSL_VERIFY_*`); [`VERIFY_UNKNOWN`].
    pub verify_mode: u8,
    /// An [`AlpnState`].
    pub alpn_state: u8,
    /// Bytes of `alpn` that hold something.
    pub alpn_length: u8,
    /// A [`Carrier`].
    pub carrier: u8,
    /// 1 if its handshake was not over: this is early data (RFC 8446, section 2.3), and what only the rest of the
    /// handshake tells is unknown.
    pub early: u8,
    /// Always 0.
    pub reserved: [u8; 3],
    /// The protocol that ALPN chose.
    pub alpn: [u8; ALPN],
    /// The server name as the library holds it.
    pub name: [u8; NAME],
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Close {
    /// What every record begins with.
    pub header: Header,
    /// Data records made in each direction, lost ones included, indexed by [`super::Direction`]. More than arrived means
    /// that the last ones were lost.
    pub sequences: [u32; 2],
}

const _: () = assert!(size_of::<Connection>() == 40 + 32 + 44 + 12 + 8 + ALPN + NAME);
const _: () = assert!(size_of::<Close>() == 48);
// A name and the NUL after it.
const _: () = assert!(NAME > 255);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_filled_in_is_unknown() {
        let unknown = [
            Side::Unknown as u8,
            NameState::Unknown as u8,
            NameSource::Unknown as u8,
        ];
        assert_eq!(unknown, [0; 3]);
    }

    #[test]
    fn each_fact_has_numbers_of_its_own() {
        assert_eq!([Side::Server as u8, Side::Client as u8], [1, 2]);
        assert_eq!([NameState::Absent as u8, NameState::Sent as u8], [1, 2]);
        assert_eq!([NameSource::Object as u8, NameSource::Call as u8], [1, 2]);
    }

    #[test]
    fn there_is_no_padding() {
        let facts = 32 + size_of::<Socket>() + 2 + 6 + 2 + 2 + 8 + ALPN + NAME;
        assert_eq!(size_of::<Connection>(), size_of::<Header>() + facts);
    }
}
