//! The addresses of a connection.

use std::net::{IpAddr, SocketAddr};

use ebpf::record::{Header, Kind, Socket, SocketSource, SocketUse};
use rstest::rstest;

use super::hellos::port;
use super::records::End;
use super::world::{SERVER, World};

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// A socket as the kernel keeps it: on port 443, its peer on port 50000.
pub(crate) fn socket(local: &str, peer: &str, source: SocketSource) -> Socket {
    Socket {
        local: octets(local),
        peer: octets(peer),
        netns: 4_026_531_840,
        local_port: 443,
        peer_port: 50_000,
        family: if local.contains(':') { AF_INET6 } else { AF_INET },
        source: source as u8,
        reserved: 0,
    }
}

/// The record that a process used this socket; both addresses are `127.0.0.1:port`.
pub(crate) fn used(pid: u32, local: &str, peer: &str) -> Vec<u8> {
    let record = SocketUse {
        header: Header {
            kind: Kind::SocketUse as u32,
            size: u32::try_from(size_of::<SocketUse>()).unwrap(),
            time: 1,
            tgid: pid,
            tid: pid,
            ssl: 0,
            born: 0,
        },
        socket: Socket {
            local_port: port(local),
            peer_port: port(peer),
            ..socket("127.0.0.1", "127.0.0.1", SocketSource::Nested)
        },
        reserved: 0,
    };
    bytemuck::bytes_of(&record).to_vec()
}

fn octets(address: &str) -> [u8; 16] {
    let mut octets = [0; 16];
    match address.parse().unwrap() {
        IpAddr::V4(address) => octets[..4].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => octets = address.octets(),
    }
    octets
}

fn told(socket: Socket) -> [Option<String>; 3] {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    end.facts.socket = socket;
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    let exchange = world.exchange();
    [
        exchange.connection.local,
        exchange.connection.peer,
        exchange.provenance.socket,
    ]
}

#[rstest]
#[case::version_4(
    socket("192.0.2.1", "192.0.2.2", SocketSource::Descriptor),
    ["192.0.2.1:443", "192.0.2.2:50000", "descriptor"]
)]
#[case::version_6(
    socket("2001:db8::1", "2001:db8::2", SocketSource::Nested),
    ["[2001:db8::1]:443", "[2001:db8::2]:50000", "nested"]
)]
#[case::version_4_on_a_socket_for_both(
    socket("::ffff:192.0.2.1", "::ffff:192.0.2.2", SocketSource::Descriptor),
    ["192.0.2.1:443", "192.0.2.2:50000", "descriptor"]
)]
fn addresses_are_told_in_their_canonical_form(#[case] socket: Socket, #[case] expected: [&str; 3]) {
    assert_eq!(told(socket), expected.map(|text| Some(text.to_owned())));
    for text in &expected[..2] {
        assert!(text.parse::<SocketAddr>().is_ok());
    }
}

#[rstest]
#[case::unknown(SocketSource::Unknown, AF_INET)]
#[case::conflict(SocketSource::Conflict, AF_INET)]
#[case::other_family(SocketSource::Descriptor, 1)]
fn what_is_not_known_is_null(#[case] source: SocketSource, #[case] family: u16) {
    let socket = Socket {
        family,
        ..socket("192.0.2.1", "192.0.2.2", source)
    };
    assert_eq!(told(socket), [None, None, None]);
}
