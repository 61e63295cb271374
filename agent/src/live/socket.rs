//! Whether a process has a socket: asked where the socket is known from its other end only, and addresses may have
//! been translated in between, or another process may stand in the middle.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// Whether the process has, among its own descriptors, the TCP socket with these addresses. `false` as well if the
/// process is gone.
pub(super) fn belongs(proc_root: &Path, pid: u32, local: SocketAddr, peer: SocketAddr) -> bool {
    let process = proc_root.join(pid.to_string());
    let found = ["net/tcp", "net/tcp6"]
        .into_iter()
        .find_map(|table| inode(&process.join(table), local, peer));
    found.is_some_and(|inode| has_descriptor(&process.join("fd"), inode))
}

/// Inode number of the socket with these addresses: column 10 of `/proc/PID/net/tcp`, whose columns 2 and 3 are the
/// addresses.
fn inode(table: &Path, local: SocketAddr, peer: SocketAddr) -> Option<u64> {
    let lines = BufReader::new(fs::File::open(table).ok()?).lines().skip(1);
    lines.map_while(Result::ok).find_map(|line| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        let same = address(columns.next()?)? == local && address(columns.next()?)? == peer;
        if same { columns.nth(6)?.parse().ok() } else { None }
    })
}

/// `0100007F:1F90`: the address in words of host order, the port in hexadecimal.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<[u8; 4]> = (0..address.len() / 8)
        .map(|word| {
            u32::from_str_radix(address.get(word * 8..word * 8 + 8)?, 16)
                .ok()
                .map(u32::to_ne_bytes)
        })
        .collect::<Option<_>>()?;
    let address = match words[..] {
        [word] => IpAddr::from(Ipv4Addr::from(word)),
        [a, b, c, d] => {
            let octets: [u8; 16] = [a, b, c, d].concat().try_into().ok()?;
            IpAddr::from(Ipv6Addr::from(octets)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

fn has_descriptor(directory: &Path, inode: u64) -> bool {
    let Ok(entries) = fs::read_dir(directory) else {
        return false;
    };
    // Following the link stats the socket itself.
    entries
        .flatten()
        .any(|entry| fs::metadata(entry.path()).is_ok_and(|found| found.ino() == inode))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_of_this_process_is_found_and_its_mirror_image_too() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let proc = Path::new("/proc");
        assert!(belongs(proc, std::process::id(), local, peer));
        drop(server);
        assert!(!belongs(
            proc,
            std::process::id(),
            local,
            "127.0.0.1:1".parse().unwrap()
        ));
        assert!(!belongs(proc, 1, local, peer), "another process does not have it");
    }

    #[test]
    fn addresses_of_both_families_are_read() {
        assert_eq!(address("0100007F:1F90"), "127.0.0.1:8080".parse().ok());
        assert_eq!(
            address("00000000000000000000000001000000:0050"),
            "[::1]:80".parse().ok()
        );
        assert_eq!(
            address("0000000000000000FFFF00000100007F:0050"),
            "127.0.0.1:80".parse().ok()
        );
        assert_eq!(address("x"), None);
    }
}
