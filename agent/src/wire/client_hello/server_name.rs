//! The server name in a ClientHello: RFC 6066, section 3.

/// What a ClientHello tells of the server name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerName {
    /// No such extension.
    Absent,
    /// As sent. What is not text, or would steer a terminal, is escaped.
    Sent(String),
    /// There is such an extension, and it does not hold one host name of 1 to 255 octets.
    Malformed,
}

impl ServerName {
    /// The name, if one was sent.
    pub fn as_sent(&self) -> Option<&str> {
        match self {
            Self::Sent(name) => Some(name),
            Self::Absent | Self::Malformed => None,
        }
    }
}
