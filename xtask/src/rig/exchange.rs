//! What the agent says of an exchange: the part of `wrongway inspect exchanges --json` that is compared.

use serde::Deserialize;

/// One exchange.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Exchange {
    /// Unique in one run of the agent.
    pub id: u64,
    /// When the request was seen: RFC 3339.
    #[serde(default)]
    pub time: String,
    /// `server` or `client`.
    pub role: Option<String>,
    /// `http/1.0`, `http/1.1` or `h2`.
    pub protocol: String,
    /// Request method.
    pub method: Option<String>,
    /// Normalised authority.
    pub authority: Option<String>,
    /// Server name.
    pub sni: Option<String>,
    /// `sent`, `absent`, `outer_only` or `unknown`.
    pub sni_state: String,
    /// Final status.
    pub status: Option<u16>,
    /// Name of the verdict.
    pub verdict: String,
    /// Class of the verdict.
    pub class: String,
    /// What the client did after a 421; `None` while that is awaited, and for anything else.
    #[serde(default)]
    pub outcome: Option<String>,
    /// What was learned of the listener, the client and other hops.
    #[serde(default)]
    pub learned: Vec<String>,
    /// What is wrong, in words.
    pub diagnosis: String,
    /// What to change.
    pub remedy: String,
    /// Its connection.
    pub connection: Connection,
    /// The certificate that the server presented.
    #[serde(default)]
    pub certificate: Certificate,
    /// Its process.
    pub process: Process,
}

/// Connection of an exchange.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Connection {
    /// Unique in one run of the agent.
    pub id: u64,
    /// `address:port` on the observed side.
    pub local: Option<String>,
    /// `address:port` of the peer.
    pub peer: Option<String>,
    /// Position of the request, from 1.
    pub request_number: Option<u64>,
    /// Authorities asked for earlier.
    pub prior_authorities: Vec<String>,
    /// Protocol agreed on by ALPN.
    #[serde(default)]
    pub alpn: Option<String>,
    /// Whether the session was resumed.
    #[serde(default)]
    pub resumed: Option<bool>,
    /// `tcp` or `quic`.
    #[serde(default)]
    pub transport: Option<String>,
    /// The other end of it, if that is on this machine and known.
    #[serde(default)]
    pub pair: Option<Pair>,
}

/// The other end of a connection.
#[derive(Clone, Debug, Deserialize)]
pub struct Pair {
    /// [`Connection::id`] there.
    pub connection: u64,
    /// The process there.
    pub pid: u32,
    /// Its executable.
    pub exe: Option<String>,
}

/// Certificate of an exchange.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Certificate {
    /// Its names; IP addresses as `IP:address`.
    pub names: Option<Vec<String>>,
    /// How they were learned.
    pub provenance: Option<String>,
}

/// Process of an exchange.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Process {
    /// In the initial PID namespace.
    pub pid: u32,
    /// Path of its executable.
    pub exe: Option<String>,
    /// Its TLS library.
    #[serde(default)]
    pub library: Option<String>,
}

impl Exchange {
    /// Whether the exchange touches one of these ports of 127.0.0.1, on either side.
    pub fn touches(&self, ports: &[u16]) -> bool {
        let port = |address: &Option<String>| -> Option<u16> {
            address.as_ref()?.strip_prefix("127.0.0.1:")?.parse().ok()
        };
        [port(&self.connection.local), port(&self.connection.peer)]
            .into_iter()
            .flatten()
            .any(|port| ports.contains(&port))
    }

    /// The addresses of client and server; `None`: the agent does not know the socket, or not its own role.
    pub fn ends(&self) -> Option<(&str, &str)> {
        let local = self.connection.local.as_deref()?;
        let peer = self.connection.peer.as_deref()?;
        match self.role.as_deref()? {
            "server" => Some((peer, local)),
            "client" => Some((local, peer)),
            _ => None,
        }
    }
}
