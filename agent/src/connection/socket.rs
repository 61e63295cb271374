//! The socket of a connection, and how it was learned.

use std::net::{IpAddr, SocketAddr};

use ebpf::record;
use serde::{Deserialize, Serialize};

use super::facts::Role;
use crate::wire::hello::Flow;

/// How a socket was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketSource {
    /// From the descriptor that the library was given.
    Descriptor,
    /// From a socket call that the library made while inside one of its functions.
    Nested,
    /// From the other end, in another process of this machine, and found among this process's own.
    Peer,
    /// From the packets of its ClientHello, and found among this process's own.
    Wire,
}

impl SocketSource {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Descriptor => "descriptor",
            Self::Nested => "nested",
            Self::Peer => "peer",
            Self::Wire => "wire",
        }
    }
}

/// The 4-tuple of a TCP connection or UDP association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

impl Socket {
    /// The socket in a record of the kernel, if it is known.
    pub fn from_record(socket: &record::Socket) -> Option<Self> {
        of_record(socket, source_of(socket)?)
    }

    /// The socket of this side of a flow from client to server.
    pub const fn of_flow(flow: Flow, role: Role) -> Self {
        let (local, peer) = match role {
            Role::Client => (flow.source, flow.destination),
            Role::Server => (flow.destination, flow.source),
        };
        Self {
            local,
            peer,
            netns: 0,
            source: SocketSource::Wire,
        }
    }

    /// The other end's, if nothing between the two translates addresses.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        Self {
            local: self.peer,
            peer: self.local,
            netns: 0,
            source: SocketSource::Peer,
        }
    }

    /// Whether both have the same addresses, however they were learned.
    pub fn is_at(&self, other: &Self) -> bool {
        (self.local, self.peer) == (other.local, other.peer)
    }
}

/// The addresses in a record of the kernel; `None` if they are not known.
pub(super) fn of_record(socket: &record::Socket, source: SocketSource) -> Option<Socket> {
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
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

/// The source that a record of a connection names.
fn source_of(socket: &record::Socket) -> Option<SocketSource> {
    match socket.source {
        source if source == record::SocketSource::Descriptor as u8 => Some(SocketSource::Descriptor),
        source if source == record::SocketSource::Nested as u8 => Some(SocketSource::Nested),
        _ => None,
    }
}
