//! Which side a process is, where its library does not say.

use ebpf::record::{Side, SocketSource};
use rstest::rstest;
use wrongway::observer::{Input, Output};

use super::certificates::certificate;
use super::hellos::{CLIENT_AT, SERVER_AT, segment};
use super::records::End;
use super::sockets::socket;
use super::world::{CLIENT, SERVER, World};

/// A time before all connections of these tests.
const EARLY: u64 = 500_000;
/// Later than the time for which a library is waited for.
const LATE: u64 = 60_000_000_000;

fn silent(mut end: End) -> End {
    end.facts.side = Side::Unknown as u8;
    end
}

#[rstest]
#[case::server(true)]
#[case::client(false)]
fn the_first_request_tells(#[case] serves: bool) {
    let mut world = World::new();
    let mut end = silent(End::server(SERVER, 1));
    world.record(&segment(1, Some("a.example"), CLIENT_AT, SERVER_AT, EARLY));
    world.record(&end.opened());
    if serves {
        world.serve(&mut end, "a.example", 200);
    } else {
        world.fetch(&mut end, "a.example", 200);
    }
    let exchange = world.exchange();
    assert_eq!(
        exchange.role.as_deref(),
        Some(if serves { "server" } else { "client" })
    );
    assert_eq!(exchange.provenance.role.as_deref(), Some("requests"));
    assert_eq!(exchange.provenance.sni.as_deref(), Some("wire"));
    assert_eq!(exchange.verdict, "ok");
}

#[test]
fn what_a_library_says_needs_no_request() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    assert_eq!(world.exchange().provenance.role.as_deref(), Some("object"));
}

#[test]
fn its_other_end_is_found_then() {
    let mut world = World::new();
    let mut client = End::client(CLIENT, 1);
    let mut server = silent(End::server(SERVER, 2)).random(1);
    world.record(&client.opened());
    world.record(&server.opened());
    world.serve(&mut server, "a.example", 200);
    world.fetch(&mut client, "a.example", 200);
    let pairs: Vec<_> = world
        .exchanges()
        .iter()
        .map(|exchange| exchange.connection.pair.as_ref().map(|pair| pair.pid))
        .collect();
    assert_eq!(pairs, [Some(CLIENT), Some(SERVER)]);
}

/// It would be told a second time, as one that shows nothing but its ClientHello.
#[test]
fn its_side_is_no_longer_looked_for_then() {
    let mut world = World::new();
    let mut end = silent(End::server(SERVER, 1));
    world.record(&segment(1, Some("a.example"), CLIENT_AT, SERVER_AT, EARLY));
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    world.input(Input::Tick(LATE));
    let sought: Vec<_> = world
        .outputs
        .iter()
        .filter_map(|output| match output {
            Output::Unclaimed { roles, .. } => Some(roles.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(sought, [[wrongway::connection::Role::Client]]);
}

#[test]
fn requests_that_go_against_the_client_hello_are_counted_once() {
    let mut world = World::new();
    let mut end = silent(End::server(SERVER, 1));
    // The process has the client's socket.
    end.facts.socket = socket("127.0.0.1", "127.0.0.1", SocketSource::Nested);
    (end.facts.socket.local_port, end.facts.socket.peer_port) = (50_000, 443);
    world.record(&segment(1, Some("a.example"), CLIENT_AT, SERVER_AT, EARLY));
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    world.serve(&mut end, "a.example", 200);
    assert_eq!(world.lost("connection/role_conflict"), 1);
}

/// Of a connection on loopback whose library shows no certificate.
fn silent_on_loopback(ssl: u64) -> End {
    let mut end = silent(End::server(SERVER, ssl)).random(9);
    end.facts.socket = socket("127.0.0.1", "127.0.0.1", SocketSource::Nested);
    end
}

#[test]
fn its_exchanges_wait_for_the_certificate_that_its_client_is_about_to_tell() {
    let mut world = World::new();
    let mut server = silent_on_loopback(1);
    let mut client = End::client(CLIENT, 1).random(9);
    world.record(&server.opened());
    world.serve(&mut server, "b.example", 200);
    assert_eq!(world.exchanges().len(), 0);
    world.record(&client.opened());
    assert_eq!(world.exchanges().len(), 0, "who it is, but not what it was shown");
    world.record(&client.certificate(false, &certificate(&["a.example"])));
    let exchange = world.exchange();
    assert_eq!(exchange.certificate.provenance.as_deref(), Some("pair"));
    assert_eq!(exchange.connection.pair.map(|pair| pair.pid), Some(CLIENT));
    world.serve(&mut server, "a.example", 200);
    assert_eq!(world.exchanges().len(), 2, "known by now");
}

#[test]
fn they_wait_no_longer_than_a_moment() {
    let mut world = World::new();
    let mut server = silent_on_loopback(1);
    world.record(&server.opened());
    world.serve(&mut server, "a.example", 200);
    assert_eq!(world.exchanges().len(), 0);
    world.input(Input::Tick(2_000_000_000));
    assert_eq!(world.exchange().certificate.names, None);
    world.serve(&mut server, "a.example", 200);
    assert_eq!(world.exchanges().len(), 2, "nobody is awaited any more");
}

#[test]
fn a_client_elsewhere_is_not_awaited() {
    let mut world = World::new();
    let mut server = silent(End::server(SERVER, 1));
    server.facts.socket = socket("192.0.2.1", "192.0.2.2", SocketSource::Nested);
    world.record(&server.opened());
    world.serve(&mut server, "a.example", 200);
    assert_eq!(world.exchanges().len(), 1);
}
