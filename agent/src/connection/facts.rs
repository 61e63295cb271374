//! What is known of one connection.

use std::sync::Arc;

use ebpf::record::{self, AlpnState, Carrier, Direction, Header, Side, VERIFY_UNKNOWN};

use serde::{Deserialize, Serialize};

use super::Process;
use super::hellos::SeenHello;
use super::name::{self, NameSource, ServerName};
use super::socket::Socket;
use crate::wire::{
    client_hello::{ClientHello, ServerName as Offered, Transport},
    hello::Flow,
};

/// Names a connection: its object, in its process, at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The process.
    pub pid: u32,
    /// Address of the connection object.
    pub ssl: u64,
    /// When it was first seen, nanoseconds of `CLOCK_BOOTTIME`.
    pub born: u64,
}

impl From<&Header> for Key {
    fn from(header: &Header) -> Self {
        Self {
            pid: header.tgid,
            ssl: header.ssl,
            born: header.born,
        }
    }
}

/// Which side of a connection a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It accepts.
    Server,
    /// It dials.
    Client,
}

impl Role {
    /// Both sides.
    pub const ALL: [Self; 2] = [Self::Server, Self::Client];

    /// The side whose requests go this way.
    pub const fn of_requests(direction: Direction) -> Self {
        match direction {
            Direction::Read => Self::Server,
            Direction::Write => Self::Client,
        }
    }

    /// The name in JSON and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// How the role of a process was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleSource {
    /// From the connection object.
    Object,
    /// From the way that the requests go.
    Requests,
    /// From the socket on which the ClientHello came or went.
    Wire,
}

impl RoleSource {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Requests => "requests",
            Self::Wire => "wire",
        }
    }
}

/// The protocol that ALPN chose (RFC 7301).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// Not known.
    Unknown,
    /// None was chosen.
    Absent,
    /// This one.
    Chosen(String),
}

/// How much of a connection can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// A library shows its requests.
    Requests,
    /// Nothing but its ClientHello.
    SniOnly,
}

impl Visibility {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::SniOnly => "sni_only",
        }
    }
}

/// The other end of a connection, in a process of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its number as a connection.
    pub connection: u64,
    /// Its process.
    pub process: Arc<Process>,
}

/// How the names of a certificate were learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateSource {
    /// From the object of the server that presented it.
    OwnObject,
    /// From the object of the client that it was presented to, or from the session that was resumed there.
    PeerObject,
    /// From the connection's other end on this machine.
    Pair,
}

impl CertificateSource {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OwnObject => "own_object",
            Self::PeerObject => "peer_object",
            Self::Pair => "pair",
        }
    }
}

/// What is known of one connection.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Unique in this run of the agent, increasing.
    pub id: u64,
    /// The process.
    pub pid: u32,
    /// When it was first seen, nanoseconds since the Unix epoch.
    pub opened_at: u64,
    /// Which side the process is.
    pub role: Option<Role>,
    /// Who told it; `None` if it is not known.
    pub role_source: Option<RoleSource>,
    /// The server name.
    pub name: ServerName,
    /// Who told it; `None` if it is not known.
    pub name_source: Option<NameSource>,
    /// What carries it.
    pub transport: Transport,
    /// The socket.
    pub socket: Option<Socket>,
    /// Where its ClientHello was seen, from client to server, if nothing else is known of it.
    pub flow: Option<Flow>,
    /// The ClientHello's random.
    pub client_random: Option<[u8; 32]>,
    /// The ClientHello, if it was seen on the wire.
    pub hello: Option<Arc<ClientHello>>,
    /// The protocol that ALPN chose.
    pub alpn: Alpn,
    /// 0x0303 or 0x0304; 0 if unknown.
    pub version: u16,
    /// Whether the session was resumed.
    pub resumed: Option<bool>,
    /// Whether this side asks the other for a certificate: OpenSSL's `SSL_VERIFY_*`.
    pub verify_mode: Option<u8>,
    /// Whether it was seen from its start.
    pub from_start: bool,
    /// How much of it can be seen.
    pub visibility: Visibility,
    /// Whether its records pass through memory rather than through a socket of the library's.
    pub through_memory: Option<bool>,
    /// Names in the server's certificate.
    pub certificate_names: Option<Arc<[String]>>,
    /// How they were learned.
    pub certificate_source: Option<CertificateSource>,
    /// The other end, if it is on this machine and observed.
    pub pair: Option<Arc<Pair>>,
    /// The process and its library.
    pub process: Arc<Process>,
}

impl Facts {
    /// The facts of a record. `opened_at` is in nanoseconds since the Unix epoch.
    pub fn new(id: u64, opened_at: u64, record: &record::Connection, process: Arc<Process>) -> Self {
        let (name, name_source) = name::of_record(record);
        let role = match record.side {
            side if side == Side::Server as u8 => Some(Role::Server),
            side if side == Side::Client as u8 => Some(Role::Client),
            _ => None,
        };
        Self {
            id,
            pid: record.header.tgid,
            opened_at,
            role,
            role_source: role.map(|_| RoleSource::Object),
            name,
            name_source,
            transport: Transport::Tcp,
            socket: Socket::from_record(&record.socket),
            flow: None,
            client_random: (record.client_random != [0; 32]).then_some(record.client_random),
            hello: None,
            alpn: alpn(record),
            version: record.version,
            resumed: match record.resumed {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
            verify_mode: (record.verify_mode != VERIFY_UNKNOWN).then_some(record.verify_mode),
            from_start: record.from_start == 1,
            visibility: Visibility::Requests,
            through_memory: through_memory(record.carrier),
            certificate_names: None,
            certificate_source: None,
            pair: None,
            process,
        }
    }

    /// A connection of which nothing but its ClientHello is known: this side of it, on this flow. `opened_at` is in
    /// nanoseconds since the Unix epoch.
    pub fn of_hello(
        id: u64,
        opened_at: u64,
        seen: &SeenHello,
        role: Option<Role>,
        flow: Flow,
        process: Arc<Process>,
    ) -> Self {
        let name = name::of_wire(&seen.hello);
        Self {
            id,
            pid: process.pid,
            opened_at,
            role,
            role_source: role.map(|_| RoleSource::Wire),
            name_source: (name != ServerName::Unknown).then_some(NameSource::Wire),
            name,
            transport: seen.transport,
            socket: role.map(|role| Socket::of_flow(flow, role)),
            flow: Some(flow),
            client_random: Some(seen.hello.random),
            hello: Some(Arc::clone(&seen.hello)),
            alpn: Alpn::Unknown,
            version: 0,
            resumed: None,
            verify_mode: None,
            from_start: true,
            visibility: Visibility::SniOnly,
            through_memory: None,
            certificate_names: None,
            certificate_source: None,
            pair: None,
            process,
        }
    }

    /// The handshake is over: takes what the library tells now.
    pub fn finish(&mut self, now: Self) {
        if now.role.is_some() {
            self.role = now.role;
            self.role_source = now.role_source;
        }
        self.version = now.version;
        self.resumed = now.resumed;
        self.alpn = now.alpn;
        self.verify_mode = now.verify_mode;
        self.through_memory = now.through_memory;
        self.socket = self.socket.or(now.socket);
        if self.hello.is_none() {
            self.name = now.name;
            self.name_source = now.name_source;
        }
    }

    /// Joins the ClientHello that has this connection's random. True if the library named another server.
    ///
    /// An accepted encrypted ClientHello has a random of its own, and that is the one the library then has (RFC 9849,
    /// section 6.1): a ClientHello on the wire with the library's random is the one that counted, whatever it
    /// offered.
    pub fn join(&mut self, hello: &Arc<ClientHello>) -> bool {
        self.hello = Some(Arc::clone(hello));
        let told = match &hello.server_name {
            Offered::Absent => ServerName::Absent,
            Offered::Sent(name) => ServerName::Sent(name.clone()),
            // What a library made of it is for the library to tell.
            Offered::Malformed => return false,
        };
        let contradicts = self.name != ServerName::Unknown && self.name != told;
        self.name = told;
        self.name_source = Some(NameSource::Wire);
        contradicts
    }
}

fn alpn(record: &record::Connection) -> Alpn {
    if record.alpn_state == AlpnState::Absent as u8 {
        return Alpn::Absent;
    }
    let length = usize::from(record.alpn_length).min(record.alpn.len());
    if record.alpn_state != AlpnState::Chosen as u8 || length == 0 {
        return Alpn::Unknown;
    }
    Alpn::Chosen(name::shown(&record.alpn[..length]))
}

fn through_memory(carrier: u8) -> Option<bool> {
    match carrier {
        carrier if carrier == Carrier::Memory as u8 => Some(true),
        carrier if carrier == Carrier::Descriptor as u8 => Some(false),
        // A kind of the program's own may do either.
        _ => None,
    }
}
