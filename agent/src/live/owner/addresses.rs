//! Which network namespace has an address.

use std::{
    fs,
    net::{IpAddr, Ipv6Addr},
    path::Path,
};

/// Whether the address is one of the process's network namespace.
pub(super) fn has(process: &Path, address: IpAddr) -> bool {
    let table = |name: &str| fs::read_to_string(process.join("net").join(name)).unwrap_or_default();
    match address {
        IpAddr::V4(address) => in_trie(&table("fib_trie"), &address.to_string()),
        IpAddr::V6(address) => in_list(&table("if_inet6"), address),
    }
}

/// `fib_trie` has, for each local address, a line `|-- ADDRESS` and after it one that says `/32 host LOCAL`.
fn in_trie(table: &str, address: &str) -> bool {
    let mut named = false;
    for line in table.lines() {
        if let Some(name) = line.trim_start().strip_prefix("|-- ") {
            named = name == address;
        } else if named && line.trim_start() == "/32 host LOCAL" {
            return true;
        }
    }
    false
}

/// `if_inet6` begins each line with an address in 32 hexadecimal digits.
fn in_list(table: &str, address: Ipv6Addr) -> bool {
    let digits = format!("{:032x}", address.to_bits());
    table.lines().any(|line| line.split(' ').next() == Some(&*digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIE: &str = "\
Local:
  +-- 0.0.0.0/0 3 0 5
     |-- 10.0.0.0
        /8 link UNICAST
     |-- 10.0.0.7
        /32 host LOCAL
     |-- 10.255.255.255
        /32 link BROADCAST
";

    #[test]
    fn local_addresses_are_told_from_networks_and_broadcasts() {
        assert!(in_trie(TRIE, "10.0.0.7"));
        for other in ["10.0.0.0", "10.255.255.255", "10.0.0.70", "0.0.0.7"] {
            assert!(!in_trie(TRIE, other), "{other}");
        }
    }

    #[test]
    fn addresses_of_ipv6_are_found() {
        let list = "20010db8000000000000000000000007 02 40 00 80     eth0\n";
        assert!(in_list(list, "2001:db8::7".parse().unwrap()));
        assert!(!in_list(list, "2001:db8::8".parse().unwrap()));
    }

    #[test]
    fn this_namespace_has_its_loopback_address() {
        assert!(has(Path::new("/proc/self"), IpAddr::from([127, 0, 0, 1])));
        assert!(!has(Path::new("/proc/self"), IpAddr::from([192, 0, 2, 1])));
    }
}
