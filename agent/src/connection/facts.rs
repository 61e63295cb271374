//! What is known of one connection.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use ebpf::record::{self, Header, NameSource, NameState, Side};

use serde::{Deserialize, Serialize};

use super::Process;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It accepts.
    Server,
    /// It dials.
    Client,
}

impl Role {
    /// Both sides.
    pub const ALL: [Self; 2] = [Self::Server, Self::Client];

    /// The name in JSON and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// The server name of the ClientHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerName {
    /// Not known.
    Unknown,
    /// None was sent.
    Absent,
    /// As sent, and how it was learned.
    Sent {
        /// The name.
        name: String,
        /// `object` or `call`.
        source: &'static str,
    },
}

impl ServerName {
    /// The name, if one was sent and is known.
    pub fn as_sent(&self) -> Option<&str> {
        match self {
            Self::Sent { name, .. } => Some(name),
            Self::Absent | Self::Unknown => None,
        }
    }
}

/// How a socket was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketSource {
    /// From the descriptor that the library was given.
    Descriptor,
    /// From a socket call that the library made while inside one of its functions.
    Nested,
    /// From the other end, in another process of this machine, and found among this process's own.
    Peer,
}

impl SocketSource {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Descriptor => "descriptor",
            Self::Nested => "nested",
            Self::Peer => "peer",
        }
    }
}

/// A TCP 4-tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// On the observed side.
    pub local: SocketAddr,
    /// On the other.
    pub peer: SocketAddr,
    /// Network namespace, 0 if unknown.
    pub netns: u32,
    /// How it was learned.
    pub source: SocketSource,
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
    /// Which side the process is, as the library says.
    pub role: Option<Role>,
    /// The server name.
    pub name: ServerName,
    /// The socket.
    pub socket: Option<Socket>,
    /// The ClientHello's random.
    pub client_random: Option<[u8; 32]>,
    /// 0x0303 or 0x0304; 0 if unknown.
    pub version: u16,
    /// Whether the session was resumed.
    pub resumed: Option<bool>,
    /// Whether it was seen from its start.
    pub from_start: bool,
    /// Names in the server's certificate.
    pub certificate_names: Option<Arc<[String]>>,
    /// `own_object` or `peer_object`.
    pub certificate_source: Option<&'static str>,
    /// The process and its library.
    pub process: Arc<Process>,
}

impl Facts {
    /// The facts of a record. `opened_at` is in nanoseconds since the Unix epoch.
    pub fn new(id: u64, opened_at: u64, record: &record::Connection, process: Arc<Process>) -> Self {
        Self {
            id,
            pid: record.header.tgid,
            opened_at,
            role: match record.side {
                side if side == Side::Server as u8 => Some(Role::Server),
                side if side == Side::Client as u8 => Some(Role::Client),
                _ => None,
            },
            name: name(record),
            socket: socket(&record.socket),
            client_random: (record.client_random != [0; 32]).then_some(record.client_random),
            version: record.version,
            resumed: match record.resumed {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
            from_start: record.from_start == 1,
            certificate_names: None,
            certificate_source: None,
            process,
        }
    }
}

fn name(record: &record::Connection) -> ServerName {
    if record.name_state == NameState::Absent as u8 {
        return ServerName::Absent;
    }
    if record.name_state != NameState::Sent as u8 {
        return ServerName::Unknown;
    }
    let length = usize::from(record.name_length).min(record.name.len());
    let source = if record.name_source == NameSource::Call as u8 {
        "call"
    } else {
        "object"
    };
    // A hostile client can send any bytes; what is not text is shown escaped.
    let name = match std::str::from_utf8(&record.name[..length]) {
        Ok(name) => name.to_owned(),
        Err(_) => record.name[..length].escape_ascii().to_string(),
    };
    ServerName::Sent { name, source }
}

fn socket(socket: &record::Socket) -> Option<Socket> {
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
    let source = match socket.source {
        source if source == record::SocketSource::Descriptor as u8 => SocketSource::Descriptor,
        source if source == record::SocketSource::Nested as u8 => SocketSource::Nested,
        _ => return None,
    };
    let address = |octets: [u8; 16]| match socket.family {
        AF_INET => Some(IpAddr::from([octets[0], octets[1], octets[2], octets[3]])),
        // A socket for both families shows IPv4 peers as mapped addresses.
        AF_INET6 => Some(IpAddr::from(octets).to_canonical()),
        _ => None,
    };
    Some(Socket {
        local: SocketAddr::new(address(socket.local)?, socket.local_port),
        peer: SocketAddr::new(address(socket.peer)?, socket.peer_port),
        netns: socket.netns,
        source,
    })
}
