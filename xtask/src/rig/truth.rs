//! Ground truth: what a client knows it did, one record for each request.

use serde::{Deserialize, Serialize};

/// One request and the answer to it, as the client that made it saw them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// The client's program, such as `curl`.
    pub client: String,
    /// The client's process.
    pub pid: u32,
    /// The client's executable, where the scenario knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// `http/1.1` or `h2`.
    pub protocol: String,
    /// Server name it sent; `None`: it sent none.
    pub sni: Option<String>,
    /// Host it asked for, without a port.
    pub authority: String,
    /// Request method.
    pub method: String,
    /// Final status; `None`: none came.
    pub status: Option<u16>,
    /// Its own `address:port`; `None`: the client does not tell.
    pub local: Option<String>,
    /// The server's `address:port`.
    pub peer: String,
    /// Position of the request on its connection, from 1.
    pub request_number: u64,
    /// Whether the client found the connection closed under it and asked again on another. The server may
    /// never have read this request.
    #[serde(default)]
    pub abandoned: bool,
    /// Name of the verdict that the facts call for, where the scenario knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Names in the certificate that the server presented, where the scenario knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Vec<String>>,
}
