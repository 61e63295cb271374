//! What Wrongway tells the outside, as the public contract spells it: `null` is unknown.

use serde::{Deserialize, Serialize};

pub use crate::connection::Process;
pub use crate::remedy::Configuration;

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
    /// What the client did after a 421; `null` while that is awaited, and for anything else.
    pub outcome: Option<String>,
    /// The exchange with which it asked again, if that was seen.
    #[serde(default)]
    pub retried_as: Option<u64>,
    /// What was learned or configured beside what was seen of it, as `wrongway judge` names these facts.
    #[serde(default)]
    pub learned: Vec<String>,
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
    /// `object`, `requests` (by the way that they go) or `wire`.
    #[serde(default)]
    pub role: Option<String>,
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

/// Exchanges of one cause, counted: what they are called, who answered and who asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryLine {
    /// Name of the verdict; `other` for what found no line of its own.
    pub verdict: String,
    /// Class of the verdict, or `other`.
    pub class: String,
    /// `server` or `client`: which side the process is.
    pub role: Option<String>,
    /// Executable of the process.
    pub exe: Option<String>,
    /// Executable of the process at the other end, if that is on this machine and was known in time.
    pub other_exe: Option<String>,
    /// How many.
    pub count: u64,
    /// Different clients that are known, by process or address.
    pub clients: usize,
    /// Whether there were more clients than are told apart.
    pub more_clients: bool,
    /// Different names, from the most to the least frequent.
    pub names: Vec<SummaryName>,
    /// Exchanges for names beyond those.
    pub other_names: u64,
    /// Time of the first: RFC 3339, UTC.
    pub first: String,
    /// Time of the latest: RFC 3339, UTC.
    pub last: String,
    /// `rising`, `steady`, `falling` or `over`: the last five minutes against the five before.
    pub trend: String,
    /// How many in the last five minutes.
    pub lately: u64,
    /// How many in the five minutes before those.
    pub before: u64,
    /// Number of the latest exchange, for `wrongway explain`.
    pub latest: u64,
}

/// Names of exchanges of one cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryName {
    /// Server name, as sent.
    pub sni: Option<String>,
    /// `sent`, `absent`, `outer_only` or `unknown`.
    pub sni_state: String,
    /// Effective authority.
    pub authority: Option<String>,
    /// How many.
    pub count: u64,
}

/// What is known of one name of a listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// `address:port` of the server's socket.
    pub address: String,
    /// Inode number of the network namespace; `null` if it is not known, or the address is the same everywhere.
    pub netns: Option<u32>,
    /// From which side it was seen: `server` its own listener, `client` one that it dials.
    pub role: String,
    /// Server name of the connections, normalised; `null` for those without one.
    pub name: Option<String>,
    /// Requests on them.
    pub requests: u64,
    /// How many of those were answered 421.
    pub misdirected: u64,
    /// Whether a request for the name itself was served.
    pub known: bool,
    /// Names of the certificate that was presented last.
    pub certificate_names: Option<Vec<String>>,
    /// `none`, `requested` or `required`; `null` if not known.
    pub client_certificate: Option<String>,
    /// Versions of TLS.
    pub versions: Vec<String>,
    /// Protocols that ALPN chose.
    pub alpn: Vec<String>,
    /// Who answered last; `null` if it is not on this machine.
    pub process: Option<Process>,
    /// Exchanges of the listener whose name found no room.
    pub unkept: u64,
    /// Time of the first: RFC 3339, UTC.
    pub first: String,
    /// Time of the latest: RFC 3339, UTC.
    pub last: String,
}

/// The story of one exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The exchange, with verdict, outcome, diagnosis and remedy.
    pub exchange: Exchange,
    /// The rule that decided; `null` for a verdict that this version does not know.
    pub rule: Option<Rule>,
    /// What happened, in order.
    pub timeline: Vec<Moment>,
    /// What the verdict rests on.
    pub facts: Vec<Fact>,
    /// The remedy as lines of configuration, for the programs that were seen; empty if none is known for them.
    pub configuration: Vec<Configuration>,
}

/// A rule of the decision: the first that matches wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its place in the order, from 1.
    pub row: u8,
    /// When it matches.
    pub when: String,
    /// The section of a specification that it rests on.
    pub basis: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// RFC 3339, UTC; `null` if the time is not known.
    pub time: Option<String>,
    /// The exchange that it is about; `null` if it is about the connection.
    pub exchange: Option<u64>,
    /// In words.
    pub what: String,
}

/// A fact and how it was learned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// `null` if it is not known.
    pub value: Option<String>,
    /// How it was learned; `null` if it is not known.
    pub provenance: Option<String>,
}
