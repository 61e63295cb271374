//! Sockets that processes used outside of any call of a TLS library: those of programs that feed the library from
//! memory.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;

use ebpf::record::SocketUse;

use super::socket::{self, Socket, SocketSource};

/// Uses that are remembered. They come once for each socket, shortly before its connection.
const REMEMBERED: usize = 65_536;

/// Local and peer's address.
type Addresses = (SocketAddr, SocketAddr);

/// Which process used which socket.
#[derive(Debug, Default)]
pub struct UsedSockets {
    by_process: HashMap<u32, HashSet<Addresses>>,
    order: VecDeque<(u32, Addresses)>,
}

impl UsedSockets {
    /// Takes what the kernel tells; gives back the process if it is new.
    pub fn add(&mut self, used: &SocketUse) -> Option<u32> {
        // The kernel says that it was used, not for what; the source is the caller's to tell.
        let Socket { local, peer, .. } = socket::of_record(&used.socket, SocketSource::Nested)?;
        let pid = used.header.tgid;
        let addresses = (local, peer);
        if !self.by_process.entry(pid).or_default().insert(addresses) {
            return None;
        }
        if self.order.len() >= REMEMBERED
            && let Some((pid, addresses)) = self.order.pop_front()
            && let Some(sockets) = self.by_process.get_mut(&pid)
        {
            sockets.remove(&addresses);
            if sockets.is_empty() {
                self.by_process.remove(&pid);
            }
        }
        self.order.push_back((pid, addresses));
        Some(pid)
    }

    /// Whether the process used a socket with these addresses.
    pub fn has(&self, pid: u32, socket: &Socket) -> bool {
        self.by_process
            .get(&pid)
            .is_some_and(|sockets| sockets.contains(&(socket.local, socket.peer)))
    }

    /// The process is no more.
    pub fn forget(&mut self, pid: u32) {
        if self.by_process.remove(&pid).is_some() {
            self.order.retain(|(other, _)| *other != pid);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytemuck::Zeroable as _;

    use super::*;

    fn used(pid: u32, port: u16) -> SocketUse {
        let mut used = SocketUse::zeroed();
        used.header.tgid = pid;
        used.socket.family = 2;
        used.socket.local[..4].copy_from_slice(&[127, 0, 0, 1]);
        used.socket.peer[..4].copy_from_slice(&[127, 0, 0, 2]);
        used.socket.local_port = port;
        used.socket.peer_port = 443;
        used
    }

    fn at(port: u16) -> Socket {
        Socket {
            local: SocketAddr::from(([127, 0, 0, 1], port)),
            peer: SocketAddr::from(([127, 0, 0, 2], 443)),
            netns: 0,
            source: SocketSource::Wire,
        }
    }

    #[test]
    fn a_socket_belongs_to_the_process_that_used_it() {
        let mut sockets = UsedSockets::default();
        assert_eq!(sockets.add(&used(7, 40_000)), Some(7));
        assert_eq!(sockets.add(&used(7, 40_000)), None, "nothing new");
        assert!(sockets.has(7, &at(40_000)));
        assert!(!sockets.has(8, &at(40_000)));
        assert!(!sockets.has(7, &at(40_001)));
        sockets.forget(7);
        assert!(!sockets.has(7, &at(40_000)));
        assert_eq!(sockets.order.len(), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let mut sockets = UsedSockets::default();
        for number in 0..70_000_u32 {
            let port = u16::try_from(number % 50_000).unwrap();
            sockets.add(&used(number / 50_000, port));
        }
        assert_eq!(sockets.order.len(), REMEMBERED);
        assert!(!sockets.has(0, &at(0)), "the oldest are gone");
        assert!(sockets.has(1, &at(19_999)));
    }
}
