//! Both ends of one connection, where both are on this machine: joined by the client random.

use std::collections::{HashMap, VecDeque};

use super::facts::{Key, Role, Socket};

/// Connections that are remembered. An end that comes later than this many others finds no peer.
const REMEMBERED: usize = 65_536;

/// One end.
#[derive(Clone, Copy, Debug)]
struct End {
    key: Key,
    socket: Option<Socket>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    server: Option<End>,
    client: Option<End>,
}

/// The ends of connections, by client random.
#[derive(Debug, Default)]
pub struct Peers {
    ends: HashMap<[u8; 32], Ends>,
    order: VecDeque<[u8; 32]>,
}

/// What one end tells of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The end whose socket was not known.
    pub key: Key,
    /// Its socket as its peer's mirror image; to be confirmed, since addresses may be translated between them.
    pub socket: Socket,
}

impl Peers {
    /// Adds an end, and tells what one of the two can learn from the other.
    pub fn add(&mut self, random: [u8; 32], role: Role, key: Key, socket: Option<Socket>) -> Option<Told> {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ends.remove(&oldest);
        }
        let ends = self.ends.entry(random).or_insert_with(|| {
            self.order.push_back(random);
            Ends::default()
        });
        let (this, other) = match role {
            Role::Server => (&mut ends.server, ends.client),
            Role::Client => (&mut ends.client, ends.server),
        };
        let end = End { key, socket };
        *this = Some(end);
        let other = other?;
        match (end.socket, other.socket) {
            (Some(socket), None) => Some(Told {
                key: other.key,
                socket: mirrored(socket),
            }),
            (None, Some(socket)) => Some(Told {
                key: end.key,
                socket: mirrored(socket),
            }),
            _ => None,
        }
    }
}

fn mirrored(socket: Socket) -> Socket {
    Socket {
        local: socket.peer,
        peer: socket.local,
        netns: 0,
        source: super::facts::SocketSource::Peer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::SocketSource;

    const KEY: Key = Key {
        pid: 1,
        ssl: 2,
        born: 3,
    };
    const OTHER: Key = Key {
        pid: 4,
        ssl: 5,
        born: 6,
    };

    fn socket() -> Socket {
        Socket {
            local: "127.0.0.1:443".parse().unwrap(),
            peer: "127.0.0.1:50000".parse().unwrap(),
            netns: 1,
            source: SocketSource::Descriptor,
        }
    }

    #[test]
    fn the_end_without_a_socket_learns_it_whichever_comes_first() {
        let mut peers = Peers::default();
        assert_eq!(peers.add([1; 32], Role::Client, OTHER, None), None);
        let told = peers.add([1; 32], Role::Server, KEY, Some(socket())).unwrap();
        assert_eq!((told.key, told.socket.local), (OTHER, socket().peer));

        assert_eq!(peers.add([2; 32], Role::Server, KEY, Some(socket())), None);
        let told = peers.add([2; 32], Role::Client, OTHER, None).unwrap();
        assert_eq!((told.key, told.socket.peer), (OTHER, socket().local));
    }

    #[test]
    fn two_servers_are_no_pair() {
        let mut peers = Peers::default();
        assert_eq!(peers.add([1; 32], Role::Server, KEY, Some(socket())), None);
        assert_eq!(peers.add([1; 32], Role::Server, OTHER, None), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut peers = Peers::default();
        for number in 0..70_000_u32 {
            let mut random = [0; 32];
            random[..4].copy_from_slice(&number.to_le_bytes());
            let _ = peers.add(random, Role::Client, KEY, None);
        }
        assert_eq!((peers.ends.len(), peers.order.len()), (REMEMBERED, REMEMBERED));
    }
}
