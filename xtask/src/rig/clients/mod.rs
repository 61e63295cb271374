//! Clients that write down what they did.

pub mod curl;
pub mod held;
pub mod native;
pub mod node;
pub mod raw;

/// One request to make.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Server name to dial with; `None`: by address, without a name.
    pub sni: Option<String>,
    /// Authority to ask for, with or without a port.
    pub authority: String,
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
