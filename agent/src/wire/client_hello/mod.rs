//! A ClientHello: RFC 8446, section 4.1.2, and RFC 5246, section 7.4.1.2.

mod server_name;

use thiserror::Error;

pub use server_name::ServerName;

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

/// What a ClientHello tells of Encrypted Client Hello: RFC 9849, section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EncryptedClientHello {
    /// No such extension.
    Absent,
    /// This may be an outer ClientHello, whose server name is not the one that is meant. It may as well be GREASE
    /// (section 6.2), which cannot be told from it on the wire: then the server name is the one that is meant.
    Offered,
    /// This is an inner ClientHello, as only a server behind the one that decrypts it can see it.
    Inner,
}

impl EncryptedClientHello {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Offered => "offered",
            Self::Inner => "inner",
        }
    }
}

/// What a ClientHello offers of an earlier session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resumption {
    /// A session identifier that is not empty. With TLS 1.3 clients send one that means nothing (RFC 8446,
    /// appendix D.4).
    pub session_id: bool,
    /// A session ticket that is not empty: RFC 5077, section 3.2.
    pub ticket: bool,
    /// Pre-shared keys, of an earlier session or from elsewhere: RFC 8446, section 4.2.11.
    pub pre_shared_key: bool,
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
    /// The fingerprint of the client, `t13d1516h2_8daaf6152771_e5627efa2ab1`: FoxIO's JA4.
    pub ja4: String,
}

/// Protocols kept of an ALPN extension; clients offer two or three.
pub const PROTOCOLS: usize = 32;

/// Why bytes are no ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("ClientHello with malformed {0}")]
pub struct Malformed(pub &'static str);

impl ClientHello {
    /// Reads a handshake message, from its type on to its end.
    ///
    /// # Errors
    /// Returns [`Malformed`] if that is no ClientHello, or breaks the grammar of one.
    pub fn parse(_message: &[u8], _transport: Transport) -> Result<Self, Malformed> {
        Err(Malformed("message"))
    }
}
