//! Who is meant by a rule of the policy: by address, by process, by workload.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

use crate::connection::Process;

/// What Linux appends to the path of an executable whose file was replaced or deleted while it runs.
const DELETED: &str = " (deleted)";

/// A party to a connection. It is meant if every part that is set fits; at least one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// Its address lies in one of these networks.
    pub networks: Vec<Network>,
    /// Its port.
    pub port: Option<u16>,
    /// Path, or file name, of its executable.
    pub process: Option<String>,
    /// Name of its workload, as `namespace/name` or `name`.
    pub workload: Option<String>,
}

/// Addresses with a common prefix. An IPv4 address that is mapped into IPv6 (RFC 4291, section 2.5.5.2) counts as what
/// it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// The prefix; the bits after it are zero.
    pub address: IpAddr,
    /// Its length in bits.
    pub length: u8,
}

/// Why a text is no network. Each reads on after what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// No IPv4 or IPv6 address in front.
    #[error("is no network; expected an address, or a prefix such as \"10.0.0.0/8\" or \"2001:db8::/32\"")]
    Address,
    /// The length is no number in range.
    #[error("has no valid prefix length; expected a number from 0 to {0}")]
    Length(u8),
    /// Bits after the prefix are set.
    #[error("has bits set after its prefix; the network is \"{0}\"")]
    HostBits(Network),
}

impl Party {
    /// Whether a party with this socket and this process is meant. What is not known fits nothing.
    pub fn is(&self, socket: Option<SocketAddr>, process: Option<&Process>) -> bool {
        let address = socket.map(|socket| socket.ip().to_canonical());
        let in_network =
            || address.is_some_and(|address| self.networks.iter().any(|network| network.contains(address)));
        let is_process = |wanted: &String| process.is_some_and(|process| runs(process, wanted));
        let is_workload = |wanted: &String| process.is_some_and(|process| belongs_to(process, wanted));
        (self.networks.is_empty() || in_network())
            && self
                .port
                .is_none_or(|port| socket.is_some_and(|socket| socket.port() == port))
            && self.process.as_ref().is_none_or(is_process)
            && self.workload.as_ref().is_none_or(is_workload)
            && *self != Self::default()
    }
}

/// Whether `process` runs the executable `wanted`, a path or a file name.
fn runs(process: &Process, wanted: &str) -> bool {
    let Some(exe) = process.exe.as_deref() else {
        return false;
    };
    let exe = exe.strip_suffix(DELETED).unwrap_or(exe);
    if wanted.contains('/') {
        return exe == wanted;
    }
    exe.rsplit_once('/').map_or(exe, |(_, name)| name) == wanted
}

/// Whether `process` belongs to the workload `wanted`, as `namespace/name` or `name`.
fn belongs_to(process: &Process, wanted: &str) -> bool {
    let (namespace, name) = match wanted.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, wanted),
    };
    process.workload.as_deref() == Some(name)
        && (namespace.is_none() || process.namespace.as_deref() == namespace)
}

impl Network {
    /// Whether `address` lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.length) == Some(self.address)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            // `u8::from_str` takes a sign.
            Some(length) if length.starts_with('+') => Err(NetworkError::Length(longest)),
            Some(length) => length.parse().map_err(|_| NetworkError::Length(longest)),
            None => Ok(longest),
        }?;
        let prefix = masked(address, length).ok_or(NetworkError::Length(longest))?;
        let network = Self {
            address: prefix,
            length,
        }
        .canonical();
        if prefix == address {
            Ok(network)
        } else {
            Err(NetworkError::HostBits(network))
        }
    }
}

impl Network {
    /// As the IPv4 network that it stands for, if it is mapped.
    fn canonical(self) -> Self {
        match (self.address.to_canonical(), self.length.checked_sub(96)) {
            (address @ IpAddr::V4(_), Some(length)) if self.address.is_ipv6() => Self { address, length },
            _ => self,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.length) {
            (IpAddr::V4(_), 32) | (IpAddr::V6(_), 128) => self.address.fmt(formatter),
            _ => write!(formatter, "{}/{}", self.address, self.length),
        }
    }
}

/// `address` with all bits after the first `length` cleared; `None` if it has not so many.
fn masked(address: IpAddr, length: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let cleared = 32_u32.checked_sub(length.into())?;
            let mask = u32::MAX.checked_shl(cleared).unwrap_or(0);
            Some(IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask)))
        }
        IpAddr::V6(address) => {
            let cleared = 128_u32.checked_sub(length.into())?;
            let mask = u128::MAX.checked_shl(cleared).unwrap_or(0);
            Some(IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask)))
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::within("10.0.0.0/8", "10.255.0.1", true)]
    #[case::without("10.0.0.0/8", "11.0.0.1", false)]
    #[case::everything("0.0.0.0/0", "192.0.2.1", true)]
    #[case::other_family("0.0.0.0/0", "2001:db8::1", false)]
    #[case::single("192.0.2.7", "192.0.2.7", true)]
    #[case::single_without("192.0.2.7", "192.0.2.6", false)]
    #[case::mapped_address("10.0.0.0/8", "::ffff:10.1.2.3", true)]
    #[case::mapped_network("::ffff:10.0.0.0/104", "10.1.2.3", true)]
    #[case::ipv6("2001:db8::/32", "2001:db8:ffff::1", true)]
    #[case::ipv6_without("2001:db8::/32", "2001:db9::1", false)]
    fn networks_have_addresses(#[case] network: &str, #[case] address: &str, #[case] expected: bool) {
        let network: Network = network.parse().unwrap();
        assert_eq!(network.contains(address.parse().unwrap()), expected);
    }

    #[rstest]
    #[case::name("localhost", "is no network")]
    #[case::empty("", "is no network")]
    #[case::port("10.0.0.1:80", "is no network")]
    #[case::too_long("10.0.0.0/33", "expected a number from 0 to 32")]
    #[case::too_long_for_ipv6("2001:db8::/129", "expected a number from 0 to 128")]
    #[case::mask("10.0.0.0/255.0.0.0", "expected a number from 0 to 32")]
    #[case::signed("10.0.0.0/+8", "expected a number from 0 to 32")]
    #[case::host_bits("10.1.2.3/8", "the network is \"10.0.0.0/8\"")]
    #[case::host_bits_of_ipv6("2001:db8::1/32", "the network is \"2001:db8::/32\"")]
    fn what_is_no_network_is_told_why(#[case] text: &str, #[case] reason: &str) {
        let error = text.parse::<Network>().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    fn envoy() -> Process {
        Process {
            exe: Some("/usr/local/bin/envoy".to_owned()),
            namespace: Some("edge".to_owned()),
            workload: Some("gateway".to_owned()),
            ..Process::default()
        }
    }

    #[rstest]
    #[case::file_name("envoy", "", true)]
    #[case::path("/usr/local/bin/envoy", "", true)]
    #[case::other_path("/usr/bin/envoy", "", false)]
    #[case::part_of_the_name("env", "", false)]
    #[case::workload("", "gateway", true)]
    #[case::workload_in_its_namespace("", "edge/gateway", true)]
    #[case::workload_in_another_namespace("", "other/gateway", false)]
    #[case::both("envoy", "edge/gateway", true)]
    #[case::one_of_both("nginx", "edge/gateway", false)]
    fn a_party_is_told_by_its_process(#[case] process: &str, #[case] workload: &str, #[case] expected: bool) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let party = Party {
            process: some(process),
            workload: some(workload),
            ..Party::default()
        };
        assert_eq!(party.is(None, Some(&envoy())), expected);
        assert!(!party.is(None, None));
        assert!(!party.is(None, Some(&Process::default())));
    }

    #[test]
    fn an_executable_that_was_replaced_is_still_known() {
        let party = Party {
            process: Some("/usr/local/bin/envoy".to_owned()),
            ..Party::default()
        };
        let process = Process {
            exe: Some("/usr/local/bin/envoy (deleted)".to_owned()),
            ..Process::default()
        };
        assert!(party.is(None, Some(&process)));
    }

    #[test]
    fn every_part_has_to_fit() {
        let party = Party {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            port: Some(3128),
            ..Party::default()
        };
        assert!(party.is(Some("10.0.0.1:3128".parse().unwrap()), None));
        assert!(!party.is(Some("10.0.0.1:3129".parse().unwrap()), None));
        assert!(!party.is(Some("192.0.2.1:3128".parse().unwrap()), None));
        assert!(!party.is(None, Some(&envoy())));
    }

    #[test]
    fn a_party_without_parts_is_nobody() {
        let somebody = Some("10.0.0.1:3128".parse().unwrap());
        assert!(!Party::default().is(somebody, Some(&envoy())));
    }
}
