//! A ClientHello: RFC 8446, section 4.1.2, and RFC 5246, section 7.4.1.2.

mod extensions;
mod ja4;
mod offers;
mod parse;
mod server_name;
#[cfg(test)]
mod tests;
mod text;

pub use offers::{EncryptedClientHello, Resumption};
pub use parse::Malformed;
pub use server_name::ServerName;

/// Handshake type of a ClientHello: RFC 8446, section 4.
pub(super) const TYPE: u8 = 1;

/// Protocols kept of an ALPN extension; clients offer two or three.
pub const PROTOCOLS: usize = 32;

/// What carries a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TLS over TCP.
    Tcp,
    /// QUIC over UDP: RFC 9001.
    Quic,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Self; 2] = [Self::Tcp, Self::Quic];

    /// The metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Quic => "quic",
        }
    }
}

/// What a ClientHello tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// Its random, which TLS libraries keep with their connection.
    pub random: [u8; 32],
    /// 0x0303 for TLS 1.2, and for all that name their versions in `supported_versions`.
    pub legacy_version: u16,
    /// RFC 8446, section 4.2.1, in the client's order, without GREASE values (RFC 8701). Empty if there is no such
    /// extension.
    pub supported_versions: Vec<u16>,
    /// RFC 6066, section 3.
    pub server_name: ServerName,
    /// Protocols offered in ALPN (RFC 7301, section 3.1), in the client's order, without GREASE values; what is not
    /// text is escaped. The first [`PROTOCOLS`] only. Empty if there is no such extension.
    pub protocols: Vec<String>,
    /// What is offered of an earlier session.
    pub resumption: Resumption,
    /// Whether early data is announced: RFC 8446, section 4.2.10.
    pub early_data: bool,
    /// Encrypted Client Hello.
    pub encrypted_client_hello: EncryptedClientHello,
    /// The fingerprint of the client, such as `t13d1516h2_8daaf6152771_e5627efa2ab1`: FoxIO's JA4.
    pub ja4: String,
}

/// Values that clients send to keep servers used to unknown ones: RFC 8701, section 2. They mean nothing.
const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}
