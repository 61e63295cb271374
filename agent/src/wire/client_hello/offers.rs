//! What a ClientHello offers beside its names.

/// What a ClientHello tells of Encrypted Client Hello: RFC 9849, section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EncryptedClientHello {
    /// No such extension.
    Absent,
    /// This may be an outer ClientHello, whose server name is not the one that is meant. It may as well be GREASE
    /// (section 6.2), which cannot be told from it on the wire: then the server name is the one that is meant.
    Offered,
    /// This is an inner ClientHello, on its way between the server that decrypted it and the one that it is for.
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

    /// Reads the extension's data: an octet with the type, 0 for outer and 1 for inner, of which the latter has
    /// nothing more. `None` if it is neither.
    pub(super) const fn read(data: Option<&[u8]>) -> Option<Self> {
        match data {
            None => Some(Self::Absent),
            Some([0, ..]) => Some(Self::Offered),
            Some([1]) => Some(Self::Inner),
            Some(_) => None,
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
