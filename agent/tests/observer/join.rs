//! What the wire tells of connections.

use ebpf::record::{self, NameState, SocketSource};
use rstest::rstest;
use wrongway::connection::{Process, Role, SocketSource as Source};
use wrongway::export::store::{Connection, Traffic};
use wrongway::export::{present, view};
use wrongway::observer::{Input, Output, Owner};
use wrongway::wire::hello::Flow;

use super::hellos::{CLIENT_AT, SERVER_AT, segment};
use super::records::End;
use super::sockets::{socket, used};
use super::world::{CLIENT, SERVER, World};

/// A time before all connections of these tests.
const EARLY: u64 = 500_000;
/// Later than the time for which a library is waited for.
const LATE: u64 = 60_000_000_000;

/// A server that does not know its server name, as one that resumed a session of TLS 1.2.
fn nameless(ssl: u64) -> End {
    let mut end = End::server(SERVER, ssl);
    end.facts.name_state = NameState::Unknown as u8;
    end
}

#[test]
fn a_hello_with_the_connections_random_tells_its_name_whichever_comes_first() {
    for hello_first in [true, false] {
        let mut world = World::new();
        let mut end = nameless(1);
        let hello = segment(1, Some("a.example"), CLIENT_AT, SERVER_AT, EARLY);
        if hello_first {
            world.record(&hello);
            world.record(&end.opened());
        } else {
            world.record(&end.opened());
            world.record(&hello);
        }
        world.serve(&mut end, "a.example", 200);
        let exchange = world.exchange();
        assert_eq!(exchange.sni.as_deref(), Some("a.example"), "{hello_first}");
        assert_eq!(exchange.provenance.sni.as_deref(), Some("wire"));
        assert_eq!(exchange.verdict, "ok");
    }
}

#[rstest]
#[case::another_name(Some("b.example"), "sent", Some("b.example"))]
#[case::no_name(None, "absent", None)]
fn where_library_and_wire_disagree_the_wire_is_right_and_it_is_counted(
    #[case] sent: Option<&str>,
    #[case] state: &str,
    #[case] sni: Option<&str>,
) {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&segment(1, sent, CLIENT_AT, SERVER_AT, EARLY));
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    let exchange = world.exchange();
    assert_eq!(
        (exchange.sni_state.as_str(), exchange.sni.as_deref()),
        (state, sni)
    );
    assert_eq!(world.lost("connection/name_conflict"), 1);
}

#[test]
fn another_random_is_another_connection() {
    let mut world = World::new();
    let mut end = nameless(1);
    world.record(&segment(2, Some("b.example"), CLIENT_AT, SERVER_AT, EARLY));
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    assert_eq!(world.exchange().sni_state, "unknown");
    assert_eq!(world.joins("no_client_hello"), 1);
    assert_eq!(world.joins("wire"), 0);
}

#[test]
fn two_hellos_with_one_random_and_two_names_are_not_believed() {
    let mut world = World::new();
    let mut end = nameless(1);
    world.record(&segment(1, Some("a.example"), CLIENT_AT, SERVER_AT, EARLY));
    world.record(&segment(
        1,
        Some("b.example"),
        "127.0.0.1:50001",
        SERVER_AT,
        EARLY,
    ));
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    assert_eq!(world.exchange().sni_state, "unknown");
    assert_eq!(world.lost("connection/hello_conflict"), 1);
}

#[test]
fn a_process_that_used_the_hellos_socket_has_it() {
    for used_first in [true, false] {
        let mut world = World::new();
        let mut end = End::server(SERVER, 1);
        let used = used(SERVER, SERVER_AT, CLIENT_AT);
        world.record(&segment(1, Some("a.example"), CLIENT_AT, SERVER_AT, EARLY));
        if used_first {
            world.record(&used);
            world.record(&end.opened());
            assert_eq!(world.confirms(), [], "nothing is left to ask");
        } else {
            world.record(&end.opened());
            world.record(&used);
        }
        world.serve(&mut end, "a.example", 200);
        let exchange = world.exchange();
        assert_eq!(exchange.connection.local.as_deref(), Some(SERVER_AT));
        assert_eq!(exchange.connection.peer.as_deref(), Some(CLIENT_AT));
        assert_eq!(exchange.provenance.socket.as_deref(), Some("wire"));
    }
}

#[test]
fn a_socket_that_another_process_used_is_asked_about_and_not_believed() {
    let mut world = World::new();
    let mut end = End::client(CLIENT, 1);
    world.record(&segment(1, Some("a.example"), CLIENT_AT, SERVER_AT, EARLY));
    world.record(&used(SERVER, CLIENT_AT, SERVER_AT));
    world.record(&end.opened());
    let [(_, asked)] = world.confirms()[..] else {
        panic!("{:?}", world.outputs);
    };
    assert_eq!(asked.local.to_string(), CLIENT_AT);
    assert_eq!(asked.source, Source::Wire);
    world.fetch(&mut end, "a.example", 200);
    assert_eq!(world.exchange().connection.local, None);
}

/// A proxy that passes bytes on has the ClientHello on two connections, and may be the very process that is observed.
#[test]
fn of_two_sockets_that_the_process_used_neither_is_believed() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    let other = "127.0.0.1:50001";
    for client in [CLIENT_AT, other] {
        world.record(&segment(1, Some("a.example"), client, SERVER_AT, EARLY));
        world.record(&used(SERVER, SERVER_AT, client));
    }
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    assert_eq!(world.exchange().connection.local, None);
    assert_eq!(world.lost("connection/socket_ambiguous"), 1);
}

#[test]
fn of_two_sockets_that_the_system_confirms_neither_is_believed() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    for client in [CLIENT_AT, "127.0.0.1:50001"] {
        world.record(&segment(1, Some("a.example"), client, SERVER_AT, EARLY));
    }
    world.record(&end.opened());
    let asked = world.confirms();
    assert_eq!(asked.len(), 2);
    for (key, socket) in asked {
        world.input(Input::Socket { key, socket });
    }
    world.serve(&mut end, "a.example", 200);
    assert_eq!(world.exchange().connection.local, None);
    assert_eq!(world.lost("connection/socket_ambiguous"), 1);
}

#[test]
fn what_the_library_says_of_its_socket_stands() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    end.facts.socket = socket("192.0.2.1", "192.0.2.2", SocketSource::Descriptor);
    world.record(&segment(1, Some("a.example"), CLIENT_AT, SERVER_AT, EARLY));
    world.record(&used(SERVER, SERVER_AT, CLIENT_AT));
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    assert_eq!(world.exchange().provenance.socket.as_deref(), Some("descriptor"));
}

/// What was told of connections that no library shows.
fn sni_only(world: &World) -> Vec<view::Connection> {
    let told = world.outputs.iter().filter_map(|output| match output {
        Output::SniOnly(facts) => Some(present::connection(&Connection {
            facts: facts.clone(),
            open: false,
            traffic: Traffic::default(),
        })),
        _ => None,
    });
    told.collect()
}

fn owner(role: Role) -> Owner {
    Owner {
        role,
        flow: Flow {
            source: CLIENT_AT.parse().unwrap(),
            destination: SERVER_AT.parse().unwrap(),
        },
        process: Process {
            pid: 7,
            ..Process::default()
        },
    }
}

/// The sides that were asked for.
fn asked(world: &World) -> Vec<Vec<Role>> {
    let asked = world.outputs.iter().filter_map(|output| match output {
        Output::Unclaimed { roles, .. } => Some(roles.clone()),
        _ => None,
    });
    asked.collect()
}

#[test]
fn a_hello_that_no_library_claims_is_a_connection_of_which_only_the_name_is_known() {
    let mut world = World::new();
    world.record(&segment(1, Some("a.example"), CLIENT_AT, SERVER_AT, EARLY));
    assert_eq!(
        asked(&world),
        Vec::<Vec<Role>>::new(),
        "a library has time to show it"
    );
    world.input(Input::Tick(LATE));
    assert_eq!(asked(&world), [[Role::Server, Role::Client]]);
    world.input(Input::Owners {
        random: [1; 32],
        owners: vec![owner(Role::Server)],
    });
    let [connection] = &sni_only(&world)[..] else {
        panic!("{:?}", world.outputs);
    };
    assert_eq!(connection.sni.as_deref(), Some("a.example"));
    assert_eq!(connection.visibility, "sni_only");
    assert_eq!(connection.open, None);
    assert_eq!(connection.role.as_deref(), Some("server"));
    assert_eq!(connection.local.as_deref(), Some(SERVER_AT));
    assert_eq!(connection.process.pid, 7);
    assert_eq!(connection.provenance.sni.as_deref(), Some("wire"));
    let hello = connection.client_hello.as_ref().unwrap();
    assert_eq!(
        (&hello.alpn[..], &hello.versions[..]),
        (
            &["h2".to_owned()][..],
            &["TLSv1.3".to_owned(), "TLSv1.2".to_owned()][..]
        )
    );
}

#[test]
fn a_hello_of_which_nobody_here_has_a_side_is_told_without_a_process() {
    let mut world = World::new();
    world.record(&segment(1, None, CLIENT_AT, SERVER_AT, EARLY));
    world.input(Input::Tick(LATE));
    world.input(Input::Owners {
        random: [1; 32],
        owners: Vec::new(),
    });
    let [connection] = &sni_only(&world)[..] else {
        panic!("{:?}", world.outputs);
    };
    assert_eq!((connection.role.as_deref(), connection.process.pid), (None, 0));
    assert_eq!(
        (connection.sni.as_deref(), connection.sni_state.as_str()),
        (None, "absent")
    );
    assert_eq!(
        (connection.local.as_deref(), connection.peer.as_deref()),
        (None, None),
        "neither end is this machine's"
    );
    let hello = connection.client_hello.as_ref().unwrap();
    assert_eq!(
        (hello.source.as_deref(), hello.destination.as_deref()),
        (Some(CLIENT_AT), Some(SERVER_AT))
    );
}

#[test]
fn the_side_that_a_library_shows_is_not_asked_for() {
    let mut world = World::new();
    let mut end = End::client(CLIENT, 1);
    world.record(&segment(1, Some("a.example"), CLIENT_AT, SERVER_AT, EARLY));
    world.record(&end.opened());
    world.input(Input::Tick(LATE));
    assert_eq!(asked(&world), [[Role::Server]]);
    world.input(Input::Owners {
        random: [1; 32],
        owners: Vec::new(),
    });
    assert_eq!(sni_only(&world), [], "its client has it");
}

#[test]
fn what_a_library_shows_late_takes_the_place_of_what_was_told() {
    let mut world = World::new();
    world.record(&segment(1, Some("a.example"), CLIENT_AT, SERVER_AT, EARLY));
    world.input(Input::Tick(LATE));
    world.input(Input::Owners {
        random: [1; 32],
        owners: vec![owner(Role::Server)],
    });
    let told = sni_only(&world)[0].id;
    world.record(&End::server(SERVER, 1).opened());
    let superseded = world.outputs.iter().filter_map(|output| match output {
        Output::Superseded { id } => Some(*id),
        _ => None,
    });
    assert_eq!(superseded.collect::<Vec<_>>(), [told]);
}

#[test]
fn early_data_is_of_the_connection_that_its_handshake_makes() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    end.facts.early = 1;
    end.facts.resumed = 255;
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    assert_eq!(world.exchange().connection.resumed, None);
    end.facts.early = 0;
    end.facts.resumed = 1;
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    let exchange = world.exchange();
    assert_eq!(exchange.connection.resumed, Some(true));
    assert_eq!(
        (exchange.connection.id, exchange.connection.request_number),
        (1, Some(2))
    );
    assert_eq!(world.closed(), [0_u64; 0]);
}

#[test]
fn a_renegotiation_is_no_new_connection() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    let again = record::Connection {
        renegotiated: 1,
        client_random: [9; 32],
        ..end.facts
    };
    world.record(bytemuck::bytes_of(&again));
    world.serve(&mut end, "a.example", 200);
    let exchange = world.exchange();
    assert_eq!(exchange.connection.request_number, Some(2));
    assert_eq!(exchange.sni.as_deref(), Some("a.example"));
    assert_eq!(world.closed(), [0_u64; 0]);
}

#[test]
fn a_renegotiation_under_another_name_leaves_none() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    let facts = end.facts;
    let mut again = End::server(SERVER, 1).named(b"b.example").random(9);
    again.facts.header = facts.header;
    again.facts.renegotiated = 1;
    world.record(bytemuck::bytes_of(&again.facts));
    world.serve(&mut end, "b.example", 200);
    assert_eq!(world.exchange().sni_state, "unknown");
    assert_eq!(world.lost("connection/name_conflict"), 1);
}
