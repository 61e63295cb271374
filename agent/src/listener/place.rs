//! Where a listener is.

use std::net::SocketAddr;

use crate::connection::{Facts, Role};

/// Where a listener is, as one side sees it.
///
/// Each side has its own knowledge: a client reaches an address that may be translated on the way, and what its
/// servers demand of others it does not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Which side saw it: servers see themselves, clients whom they dial.
    pub role: Role,
    /// The server's socket.
    pub address: SocketAddr,
    /// Network namespace of the process that saw it, 0 if unknown. Zero for clients, but on loopback: the same
    /// address is the same server from everywhere.
    pub netns: u32,
    /// The process, where an address is not enough to tell one listener from another: on loopback, in an unknown
    /// network namespace. Else 0.
    pub pid: u32,
}

impl Place {
    /// Where the listener of a connection is; `None` if its socket is not known.
    pub fn of(connection: &Facts, role: Role) -> Option<Self> {
        let socket = connection.socket.as_ref()?;
        let address = match role {
            Role::Server => socket.local,
            Role::Client => socket.peer,
        };
        let loopback = address.ip().is_loopback();
        let pid = if loopback && socket.netns == 0 {
            connection.pid
        } else {
            0
        };
        let netns = if role == Role::Server || loopback {
            socket.netns
        } else {
            0
        };
        Some(Self {
            role,
            address,
            netns,
            pid,
        })
    }
}
