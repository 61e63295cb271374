//! The sockets of a network namespace: `/proc/PID/net/tcp` and its like, `proc_pid_net(5)`.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
};

use super::super::socket::address;
use crate::wire::client_hello::Transport;

/// `TCP_LISTEN`.
const LISTEN: &str = "0A";

/// The sockets of one namespace and transport, as they were when they were read.
pub(super) struct Table {
    transport: Transport,
    rows: Vec<Row>,
}

/// A socket.
struct Row {
    local: SocketAddr,
    peer: SocketAddr,
    listens: bool,
    inode: u64,
}

impl Table {
    /// Those of the process's namespace. The kernel goes through all it has for each reading.
    pub(super) fn read(process: &Path, transport: Transport) -> Self {
        let names = match transport {
            Transport::Tcp => ["net/tcp", "net/tcp6"],
            Transport::Quic => ["net/udp", "net/udp6"],
        };
        let files = names
            .into_iter()
            .filter_map(|name| File::open(process.join(name)).ok());
        let lines = files.flat_map(|file| BufReader::new(file).lines().skip(1).map_while(Result::ok));
        Self {
            transport,
            rows: lines.filter_map(|line| row(&line)).collect(),
        }
    }

    /// Whether there are none, or they could not be read.
    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Inode number of the socket that takes what arrives at this address.
    pub(super) fn listener(&self, at: SocketAddr) -> Option<u64> {
        self.best(|row| {
            let takes = match self.transport {
                Transport::Tcp => row.listens,
                Transport::Quic => row.peer.ip().is_unspecified(),
            };
            if takes { bound(row.local, at) } else { None }
        })
    }

    /// Inode number of the socket that sends from `local` to `peer`.
    pub(super) fn dialler(&self, local: SocketAddr, peer: SocketAddr) -> Option<u64> {
        self.best(|row| {
            if row.peer == peer && row.local == local {
                Some(0)
            } else if self.transport == Transport::Quic && row.peer.ip().is_unspecified() {
                // A socket that is not connected sends to anybody.
                bound(row.local, local).map(|rank| rank + 1)
            } else {
                None
            }
        })
    }

    /// The socket with the lowest rank; those without are left out.
    fn best(&self, rank: impl Fn(&Row) -> Option<u8>) -> Option<u64> {
        let ranked = self.rows.iter().filter_map(|row| Some((rank(row)?, row.inode)));
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, inode)| inode)
    }
}

/// How closely a socket is bound to this address: 0 to it, 1 to all addresses.
fn bound(local: SocketAddr, at: SocketAddr) -> Option<u8> {
    if local == at {
        Some(0)
    } else if local.port() == at.port() && local.ip().is_unspecified() {
        // One bound to all addresses of IPv6 takes IPv4 as well unless it declined; one of IPv4 takes no IPv6.
        (at.is_ipv4() || local.ip() != IpAddr::V4(Ipv4Addr::UNSPECIFIED)).then_some(1)
    } else {
        None
    }
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode`
fn row(line: &str) -> Option<Row> {
    let mut columns = line.split_ascii_whitespace().skip(1);
    let local = address(columns.next()?)?;
    let peer = address(columns.next()?)?;
    let listens = columns.next()? == LISTEN;
    let inode = columns.nth(5)?.parse().ok()?;
    Some(Row {
        local,
        peer,
        listens,
        inode,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_taken_apart() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1";
        let row = row(line).unwrap();
        assert_eq!(row.local, "127.0.0.1:8080".parse().unwrap());
        assert_eq!((row.listens, row.inode), (true, 4711));
        assert!(row.peer.ip().is_unspecified());
    }

    #[test]
    fn a_socket_bound_to_an_address_goes_before_one_bound_to_all() {
        let at = |text: &str| text.parse().unwrap();
        assert_eq!(bound(at("10.0.0.1:443"), at("10.0.0.1:443")), Some(0));
        assert_eq!(bound(at("0.0.0.0:443"), at("10.0.0.1:443")), Some(1));
        assert_eq!(bound(at("[::]:443"), at("10.0.0.1:443")), Some(1));
        assert_eq!(bound(at("0.0.0.0:443"), at("[2001:db8::1]:443")), None);
        assert_eq!(bound(at("10.0.0.2:443"), at("10.0.0.1:443")), None);
        assert_eq!(bound(at("0.0.0.0:444"), at("10.0.0.1:443")), None);
    }
}
