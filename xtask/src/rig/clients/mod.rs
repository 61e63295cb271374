//! Clients that write down what they did.

pub mod curl;
pub mod held;
pub mod lifecycle;
pub mod native;
mod nghttp;
pub mod node;
mod node_dial;
pub mod program;
mod python;
pub mod quic;
pub mod raw;
mod script;
pub mod scripted;
mod wrk;

/// The HTTP version to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1
    Http1,
    /// HTTP/2, agreed on by ALPN
    Http2,
}

impl Version {
    /// As the contract spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
        }
    }
}

/// One request to make.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Server name to dial with; `None`: by address, without a name.
    pub sni: Option<String>,
    /// Authority to ask for, with or without a port.
    pub authority: String,
    /// Request method, of those that ask for no body to be sent.
    pub method: &'static str,
    /// Path to ask for.
    pub path: String,
    /// Whether the connection ends with this request.
    pub last: bool,
}

impl Visit {
    /// A request for `authority` on a connection made for `sni`.
    pub fn new(sni: Option<&str>, authority: &str, path: &str) -> Self {
        Self {
            sni: sni.map(str::to_owned),
            authority: authority.to_owned(),
            method: "GET",
            path: path.to_owned(),
            last: false,
        }
    }

    /// The same as the last request of its connection.
    #[must_use]
    pub fn closing(self) -> Self {
        Self { last: true, ..self }
    }
}

/// The host of an authority, without its port.
fn host(authority: &str) -> String {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
        _ => authority.to_owned(),
    }
}
