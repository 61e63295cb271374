//! Both ends of one connection on one machine.

use ebpf::record::{self, SocketSource};
use wrongway::connection::{Socket, SocketSource as Source};
use wrongway::observer::{Input, Output};

use super::certificates::certificate;
use super::records::End;
use super::sockets::socket;
use super::world::{CLIENT, SERVER, World};

/// A client whose socket is not known, and its server, whose is.
fn pair() -> (End, End) {
    let mut server = End::server(SERVER, 1).random(9);
    server.facts.socket = socket("192.0.2.1", "192.0.2.2", SocketSource::Descriptor);
    (End::client(CLIENT, 2).random(9), server)
}

/// The client's socket.
fn expected() -> Socket {
    Socket {
        local: "192.0.2.2:50000".parse().unwrap(),
        peer: "192.0.2.1:443".parse().unwrap(),
        netns: 0,
        source: Source::Peer,
    }
}

#[test]
fn the_end_without_a_socket_is_asked_about_whichever_opens_first() {
    for client_first in [true, false] {
        let mut world = World::new();
        let (mut client, mut server) = pair();
        let key = client.key();
        let ends = if client_first {
            [&mut client, &mut server]
        } else {
            [&mut server, &mut client]
        };
        for end in ends {
            assert_eq!(world.confirms(), []);
            world.record(&end.opened());
        }
        assert_eq!(world.confirms(), [(key, expected())]);
    }
}

/// A connection that is older than the agent shows its socket when it first writes, not when it is first read.
#[test]
fn the_end_without_a_socket_is_asked_about_once_the_other_shows_its_own() {
    let mut world = World::new();
    let (mut client, mut server) = pair();
    let shown = server.facts.socket;
    server.facts.socket = record::Socket::UNKNOWN;
    world.record(&client.opened());
    world.record(&server.opened());
    assert_eq!(world.confirms(), []);
    server.facts.socket = shown;
    world.record(&server.opened());
    assert_eq!(world.confirms(), [(client.key(), expected())]);
    world.fetch(&mut server, "a.example", 200);
    let exchange = world.exchange();
    assert_eq!(exchange.connection.local.as_deref(), Some("192.0.2.1:443"));
}

#[test]
fn a_confirmed_socket_is_told_with_later_exchanges() {
    let mut world = World::new();
    let (mut client, mut server) = pair();
    world.record(&client.opened());
    world.record(&server.opened());
    world.fetch(&mut client, "a.example", 200);
    let before = world.exchange();
    assert_eq!((before.connection.local, before.provenance.socket), (None, None));

    let [(key, socket)] = world.confirms()[..] else {
        panic!("{:?}", world.outputs);
    };
    world.input(Input::Socket { key, socket });
    let joined = world
        .outputs
        .iter()
        .filter(|output| matches!(output, Output::Joined { result: "peer" }));
    assert_eq!(joined.count(), 1);

    world.fetch(&mut client, "a.example", 200);
    let after = world.exchange();
    assert_eq!(after.connection.local.as_deref(), Some("192.0.2.2:50000"));
    assert_eq!(after.connection.peer.as_deref(), Some("192.0.2.1:443"));
    assert_eq!(after.provenance.socket.as_deref(), Some("peer"));
    assert_eq!(world.exchanges()[0].connection.local, None);
}

#[test]
fn nothing_is_asked_where_both_sockets_are_known() {
    let mut world = World::new();
    let (mut client, mut server) = pair();
    client.facts.socket = socket("192.0.2.2", "192.0.2.1", SocketSource::Nested);
    world.record(&client.opened());
    world.record(&server.opened());
    assert_eq!(world.confirms(), []);
}

#[test]
fn nothing_is_asked_where_the_randoms_differ_or_are_unknown() {
    for random in [0, 8] {
        let mut world = World::new();
        let (client, server) = pair();
        let (mut client, mut server) = (client.random(random), server);
        if random == 0 {
            server = server.random(0);
        }
        world.record(&client.opened());
        world.record(&server.opened());
        assert_eq!(world.confirms(), [], "{random}");
    }
}

#[test]
fn nothing_is_asked_about_an_end_that_is_gone() {
    let mut world = World::new();
    let (mut client, mut server) = pair();
    world.record(&client.opened());
    world.record(&client.closed());
    world.record(&server.opened());
    assert_eq!(world.confirms(), []);
}

#[test]
fn an_answer_that_comes_too_late_changes_nothing() {
    let mut world = World::new();
    let (mut client, mut server) = pair();
    world.record(&client.opened());
    world.record(&server.opened());
    world.record(&client.closed());
    let told = world.outputs.len();
    world.input(Input::Socket {
        key: client.key(),
        socket: expected(),
    });
    assert_eq!(world.outputs.len(), told);
}

/// A server on loopback that answered 421 before its client's first call returned.
fn quick() -> (World, End, End) {
    let mut world = World::new();
    let mut server = End::server(SERVER, 1).random(9);
    server.facts.socket = socket("127.0.0.1", "127.0.0.1", SocketSource::Descriptor);
    world.record(&server.opened());
    world.serve(&mut server, "b.example", 421);
    (world, server, End::client(CLIENT, 2).random(9))
}

#[test]
fn a_421_that_is_given_before_its_client_is_seen_has_its_client_all_the_same() {
    let (mut world, _, mut client) = quick();
    assert_eq!(world.exchanges(), [], "it waits");
    world.record(&client.opened());
    let exchange = world.exchange();
    assert_eq!(exchange.role.as_deref(), Some("server"));
    assert_eq!(exchange.connection.pair.map(|pair| pair.pid), Some(CLIENT));
    world.fetch(&mut client, "b.example", 421);
    world.record(&client.exit());
    let outcomes = world.outputs.iter().filter_map(|output| match output {
        Output::Outcome { outcome, .. } => Some(outcome.as_str()),
        _ => None,
    });
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        ["not_retried", "not_retried"],
        "both ends"
    );
}

#[test]
fn a_421_of_a_connection_that_was_closed_before_its_client_is_seen_has_its_client_all_the_same() {
    let (mut world, mut server, mut client) = quick();
    world.record(&server.closed());
    world.record(&client.opened());
    world.record(&client.certificate(false, &certificate(&["a.example"])));
    world.fetch(&mut client, "b.example", 421);
    world.input(Input::Tick(server.facts.header.time + 2_000_000_000));
    let ends = world.exchanges();
    let ends: Vec<_> = ends
        .iter()
        .map(|end| {
            let pair = end.connection.pair.as_ref().map(|pair| pair.pid);
            (end.process.pid, pair, end.certificate.provenance.as_deref())
        })
        .collect();
    assert_eq!(
        ends,
        [
            (CLIENT, Some(SERVER), Some("peer_object")),
            (SERVER, Some(CLIENT), Some("pair"))
        ]
    );
}

#[test]
fn a_421_does_not_wait_for_long_for_a_client_that_is_not_seen() {
    let (mut world, server, _) = quick();
    world.input(Input::Tick(server.facts.header.time + 2_000_000_000));
    let exchange = world.exchange();
    assert_eq!((exchange.status, exchange.connection.pair), (Some(421), None));
    assert_eq!(world.exchanges().len(), 1);
}

#[test]
fn other_answers_do_not_wait() {
    let (mut world, mut server, _) = quick();
    world.serve(&mut server, "a.example", 200);
    assert_eq!(world.exchange().status, Some(200));
}
