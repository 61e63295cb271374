//! The clients of a cause, counted.

use std::net::IpAddr;

use hashbrown::HashSet;

use crate::connection::Role;
use crate::observer::Judged;

/// Different clients that are told apart within one cause.
const KEPT: usize = 256;

/// Different clients: processes of this machine, and addresses of others.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    known: HashSet<Client>,
    /// Whether there were more than are told apart.
    pub more: bool,
    /// Exchanges of which the client is not known.
    pub unknown: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    Process(u32),
    Address(IpAddr),
}

impl Clients {
    pub(super) fn add(&mut self, judged: &Judged) {
        let connection = &*judged.connection;
        let address = connection.socket.as_ref().map(|socket| socket.peer.ip());
        let client = match (judged.role(), &connection.pair) {
            (Role::Client, _) => Some(Client::Process(connection.pid)),
            (Role::Server, Some(pair)) => Some(Client::Process(pair.process.pid)),
            // On loopback all clients have one address.
            (Role::Server, None) => address
                .filter(|address| !address.is_loopback())
                .map(Client::Address),
        };
        match client {
            None => self.unknown += 1,
            Some(client) if self.known.len() < KEPT => {
                self.known.insert(client);
            }
            Some(client) => self.more |= !self.known.contains(&client),
        }
    }

    /// How many different ones are known.
    pub fn count(&self) -> usize {
        self.known.len()
    }
}
