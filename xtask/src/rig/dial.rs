//! What a client shall do on one connection.

use serde::Serialize;

/// One connection and its requests, one after the other.
#[derive(Clone, Debug, Serialize)]
pub struct Dial {
    /// Server name to dial with; `None`: by address, without a name.
    pub sni: Option<String>,
    /// Its requests.
    pub requests: Vec<Request>,
}

/// One request.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// Request method, of those that ask for no body to be sent.
    pub method: &'static str,
    /// Authority to ask for, with or without a port.
    pub authority: String,
    /// Path to ask for.
    pub path: &'static str,
}

impl Dial {
    /// The authority that all requests name; `None`: they name several.
    pub fn only_authority(&self) -> Option<&str> {
        let first = &self.requests.first()?.authority;
        let same = self.requests.iter().all(|request| request.authority == *first);
        same.then_some(first.as_str())
    }
}
