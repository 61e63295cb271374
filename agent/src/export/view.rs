//! What Wrongway tells the outside, as the public contract spells it: `null` is unknown.

use serde::{Deserialize, Serialize};

pub use crate::connection::Process;

/// One request with its response, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Unique in this run of the agent, increasing.
    pub id: u64,
    /// When the request was seen: RFC 3339, UTC, with microseconds.
    pub time: String,
    /// `server` or `client`: which side of the connection the process is.
    pub role: Option<String>,
    /// `http/1.0`, `http/1.1`, `h2` or `h3`.
    pub protocol: String,
    /// Request method.
    pub method: Option<String>,
    /// Effective authority, normalised.
    pub authority: Option<String>,
    /// Server name of the ClientHello, as sent.
    pub sni: Option<String>,
    /// `sent`, `absent`, `outer_only` or `unknown`.
    pub sni_state: String,
    /// Final status code; `null` if none came or it is unknown.
    pub status: Option<u16>,
    /// Name of the verdict.
    pub verdict: String,
    /// Class of the verdict.
    pub class: String,
    /// `high` or `low`.
    pub confidence: String,
    /// What the client did after a 421; `null` for anything else.
    pub outcome: Option<String>,
    /// The connection it travelled on.
    pub connection: ExchangeConnection,
    /// The certificate that the server presented.
    pub certificate: Certificate,
    /// The process that was observed.
    pub process: Process,
    /// How each fact was learned.
    pub provenance: Provenance,
    /// What is wrong, in words.
    pub diagnosis: String,
    /// What to change.
    pub remedy: String,
}

/// The connection of an exchange.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExchangeConnection {
    /// Unique in this run of the agent, increasing.
    pub id: u64,
    /// `address:port` on the observed side.
    pub local: Option<String>,
    /// `address:port` of the peer.
    pub peer: Option<String>,
    /// 64 hexadecimal digits.
    pub client_random: Option<String>,
    /// `tcp` or `quic`.
    pub transport: String,
    /// The protocol that ALPN chose; `null` if none was, or it is not known.
    pub alpn: Option<String>,
    /// Whether the TLS session was resumed.
    pub resumed: Option<bool>,
    /// The other end, if it is on this machine and observed.
    pub pair: Option<Pair>,
    /// Position of the request on its connection, from 1; `null` if earlier ones were not seen.
    pub request_number: Option<u64>,
    /// Different authorities that earlier requests of this connection named, in order of first appearance,
    /// at most 16.
    pub prior_authorities: Vec<String>,
}

/// The other end of a connection, in a process of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Its number as a connection.
    pub connection: u64,
    /// Its process.
    pub pid: u32,
    /// Path of that process's executable.
    pub exe: Option<String>,
}

/// What the ClientHello says, where it was seen on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientHello {
    /// `address:port` that it came from; `null` where the connection's own addresses are told.
    pub source: Option<String>,
    /// `address:port` that it went to; `null` where the connection's own addresses are told.
    pub destination: Option<String>,
    /// The server name, as sent; `null` if none was.
    pub sni: Option<String>,
    /// Protocols offered.
    pub alpn: Vec<String>,
    /// Versions offered in the extension for that.
    pub versions: Vec<String>,
    /// `absent`, `offered` (which may be GREASE) or `inner`.
    pub encrypted_client_hello: String,
    /// Whether a session ticket or a pre-shared key is offered.
    pub offers_resumption: bool,
    /// Whether early data is announced.
    pub early_data: bool,
    /// Fingerprint of the client (JA4).
    pub ja4: String,
}

/// Certificate names and how they were learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Subject alternative names; IP addresses as `IP:address`.
    pub names: Option<Vec<String>>,
    /// `own_object`, `peer_object`, `pair` (told by the other end), or `null`.
    pub provenance: Option<String>,
}

/// How each fact was learned; `null` where the fact is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// `wire`, `object` or `call`.
    pub sni: Option<String>,
    /// `descriptor`, `nested`, `wire` or `peer`.
    pub socket: Option<String>,
    /// `authority`, `host`, `target`.
    pub authority: Option<String>,
    /// As [`Certificate::provenance`].
    pub certificate: Option<String>,
}

/// One connection, open or recently closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Unique in this run of the agent, increasing.
    pub id: u64,
    /// When it was first seen: RFC 3339, UTC.
    pub time: String,
    /// Whether it is still open; `null` where only its ClientHello can be seen.
    pub open: Option<bool>,
    /// `requests`, or `sni_only` where nothing but its ClientHello can be seen.
    pub visibility: String,
    /// `tcp` or `quic`.
    pub transport: String,
    /// `server` or `client`.
    pub role: Option<String>,
    /// `http/1.0`, `http/1.1`, `h2`; `null` while nothing was read.
    pub protocol: Option<String>,
    /// Server name, as sent.
    pub sni: Option<String>,
    /// `sent`, `absent`, `outer_only` or `unknown`.
    pub sni_state: String,
    /// `address:port` on the observed side.
    pub local: Option<String>,
    /// `address:port` of the peer.
    pub peer: Option<String>,
    /// 64 hexadecimal digits.
    pub client_random: Option<String>,
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: Option<String>,
    /// Whether the session was resumed.
    pub resumed: Option<bool>,
    /// The protocol that ALPN chose; `null` if none was, or it is not known.
    pub alpn: Option<String>,
    /// Whether this server asks its client for a certificate; `null` on a client, or if it is not known.
    pub asks_client_certificate: Option<bool>,
    /// What its ClientHello says, where that was seen on the wire.
    pub client_hello: Option<ClientHello>,
    /// The other end, if it is on this machine and observed.
    pub pair: Option<Pair>,
    /// Requests seen.
    pub requests: u64,
    /// Different authorities seen, at most 16.
    pub authorities: Vec<String>,
    /// The certificate that the server presented.
    pub certificate: Certificate,
    /// The observed process.
    pub process: Process,
    /// How each fact was learned.
    pub provenance: Provenance,
}

/// What can be seen of one process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The process.
    pub process: Process,
    /// `openssl`, or what else was recognised.
    pub family: String,
    /// `full`, `sni_only` or `nothing`.
    pub visibility: String,
    /// Why not everything; `null` where everything is seen.
    pub reason: Option<String>,
    /// Functions hooked in the library.
    pub functions: Vec<String>,
    /// Offsets that were derived from the library's code, by name.
    pub offsets: Vec<String>,
}

/// Findings of one kind, counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryLine {
    /// Name of the verdict.
    pub verdict: String,
    /// Class of the verdict.
    pub class: String,
    /// `server` or `client`.
    pub role: Option<String>,
    /// Server name.
    pub sni: Option<String>,
    /// `sent`, `absent`, `outer_only` or `unknown`.
    pub sni_state: String,
    /// Effective authority.
    pub authority: Option<String>,
    /// Executable of the process.
    pub exe: Option<String>,
    /// How many.
    pub count: u64,
    /// Time of the first: RFC 3339, UTC.
    pub first: String,
    /// Time of the latest: RFC 3339, UTC.
    pub last: String,
}
