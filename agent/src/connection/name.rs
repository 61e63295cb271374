//! The server name of a connection, and who told it.

use ebpf::record::{self, NameState};

use crate::wire::client_hello::{ClientHello, EncryptedClientHello, ServerName as Offered};

/// The server name of the ClientHello.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerName {
    /// Not known.
    Unknown,
    /// None was sent.
    Absent,
    /// As sent.
    Sent(String),
    /// As sent, beside an encrypted ClientHello that may carry another (RFC 9849).
    Outer(String),
}

impl ServerName {
    /// The name, if one was sent and is known.
    pub fn as_sent(&self) -> Option<&str> {
        match self {
            Self::Sent(name) | Self::Outer(name) => Some(name),
            Self::Absent | Self::Unknown => None,
        }
    }
}

/// Who told the server name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameSource {
    /// The library's object.
    Object,
    /// The client's call that set it.
    Call,
    /// The ClientHello itself.
    Wire,
}

impl NameSource {
    /// The name in JSON and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Call => "call",
            Self::Wire => "wire",
        }
    }
}

/// What the library tells.
pub(super) fn of_record(record: &record::Connection) -> (ServerName, Option<NameSource>) {
    let source = if record.name_source == record::NameSource::Call as u8 {
        NameSource::Call
    } else {
        NameSource::Object
    };
    if record.name_state == NameState::Absent as u8 {
        return (ServerName::Absent, Some(source));
    }
    if record.name_state != NameState::Sent as u8 {
        return (ServerName::Unknown, None);
    }
    let length = usize::from(record.name_length).min(record.name.len());
    (ServerName::Sent(shown(&record.name[..length])), Some(source))
}

/// What the wire alone tells: beside an encrypted ClientHello, be it real or GREASE, the name may not be the one.
pub(super) fn of_wire(hello: &ClientHello) -> ServerName {
    let encrypted = hello.encrypted_client_hello == EncryptedClientHello::Offered;
    match &hello.server_name {
        Offered::Sent(name) if encrypted => ServerName::Outer(name.clone()),
        Offered::Sent(name) => ServerName::Sent(name.clone()),
        Offered::Absent if !encrypted => ServerName::Absent,
        Offered::Absent | Offered::Malformed => ServerName::Unknown,
    }
}

/// Bytes from the network as text: what is not text, or would steer a terminal, is escaped.
pub(crate) fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => bytes.escape_ascii().to_string(),
    }
}
