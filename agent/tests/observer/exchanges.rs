//! Exchanges with the facts of their connection.

use rstest::rstest;

use super::records::{End, READ, WRITE};
use super::world::{CLIENT, SERVER, World};

#[test]
fn an_exchange_of_http1_is_told_with_its_facts() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 5);
    world.record(&end.opened());
    world.serve(&mut end, "b.example", 421);
    let exchange = world.exchange();
    assert_eq!(exchange.id, 1);
    // Born after 5 ms, then one record every microsecond.
    assert_eq!(exchange.time, "2026-01-02T03:04:05.005002Z");
    assert_eq!(exchange.role.as_deref(), Some("server"));
    assert_eq!(exchange.protocol, "http/1.1");
    assert_eq!(exchange.method.as_deref(), Some("GET"));
    assert_eq!(exchange.authority.as_deref(), Some("b.example"));
    assert_eq!(exchange.provenance.authority.as_deref(), Some("host"));
    assert_eq!(exchange.sni.as_deref(), Some("a.example"));
    assert_eq!(exchange.status, Some(421));
    assert_eq!((&*exchange.verdict, &*exchange.confidence), ("split_421", "high"));
    assert_eq!(exchange.connection.id, 1);
    assert_eq!(exchange.connection.request_number, Some(1));
    assert_eq!(exchange.connection.client_random, Some("05".repeat(32)));
    assert_eq!(exchange.process.pid, SERVER);
    assert!(!exchange.diagnosis.is_empty() && !exchange.remedy.is_empty());
}

#[test]
fn an_exchange_of_http2_is_told_with_its_facts() {
    let mut world = World::new();
    let mut end = End::client(CLIENT, 5);
    world.record(&end.opened());
    world.record(&end.h2_get(WRITE, 1, "A.example:443"));
    world.record(&end.h2_status(READ, 1, "200"));
    let exchange = world.exchange();
    assert_eq!(exchange.role.as_deref(), Some("client"));
    assert_eq!(exchange.protocol, "h2");
    assert_eq!(exchange.method.as_deref(), Some("GET"));
    assert_eq!(exchange.authority.as_deref(), Some("a.example"));
    assert_eq!(exchange.provenance.authority.as_deref(), Some("authority"));
    assert_eq!(exchange.status, Some(200));
    assert_eq!(exchange.verdict, "ok");
    assert_eq!(exchange.outcome, None);
    assert_eq!(exchange.process.pid, CLIENT);
}

#[test]
fn both_sides_of_one_hop_tell_the_same() {
    let mut world = World::new();
    let mut client = End::client(CLIENT, 1).random(9);
    let mut server = End::server(SERVER, 2).random(9);
    world.record(&client.opened());
    world.record(&server.opened());
    world.record(&client.get(WRITE, "b.example"));
    world.serve(&mut server, "b.example", 421);
    world.record(&client.status(READ, 421));
    let told: Vec<_> = world
        .exchanges()
        .into_iter()
        .map(|exchange| {
            (
                exchange.role.unwrap(),
                exchange.authority,
                exchange.status,
                exchange.verdict,
            )
        })
        .collect();
    let side = |role: &str| {
        let authority = Some("b.example".to_owned());
        (role.to_owned(), authority, Some(421), "split_421".to_owned())
    };
    assert_eq!(told, [side("server"), side("client")]);
}

#[test]
fn numbers_of_exchanges_increase_over_all_connections() {
    let mut world = World::new();
    let mut ends = [1, 2].map(|ssl| End::server(SERVER, ssl));
    for end in &mut ends {
        world.record(&end.opened());
    }
    for _ in 0..3 {
        for end in &mut ends {
            world.serve(end, "a.example", 200);
        }
    }
    let told: Vec<_> = world
        .exchanges()
        .into_iter()
        .map(|exchange| {
            (
                exchange.id,
                exchange.connection.id,
                exchange.connection.request_number,
            )
        })
        .collect();
    let expected = [(1, 1, 1), (2, 2, 1), (3, 1, 2), (4, 2, 2), (5, 1, 3), (6, 2, 3)];
    assert_eq!(
        told,
        expected.map(|(id, connection, number)| (id, connection, Some(number)))
    );
}

#[test]
fn a_request_is_earlier_than_one_that_began_later_even_if_it_is_answered_later() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.record(&end.h2_get(READ, 1, "a.example"));
    world.record(&end.h2_get(READ, 3, "b.example"));
    world.record(&end.h2_status(WRITE, 3, "421"));
    world.record(&end.h2_status(WRITE, 1, "200"));
    let told: Vec<_> = world
        .exchanges()
        .into_iter()
        .map(|exchange| {
            let connection = exchange.connection;
            (
                exchange.authority.unwrap(),
                connection.request_number,
                connection.prior_authorities,
            )
        })
        .collect();
    let first = ("a.example".to_owned(), Some(1), vec![]);
    let second = ("b.example".to_owned(), Some(2), vec!["a.example".to_owned()]);
    assert_eq!(told, [second, first]);
    assert_eq!(world.exchanges()[0].verdict, "mismatch_421_unverified");
}

#[rstest]
#[case::close(End::closed)]
#[case::exec(End::exec)]
#[case::exit(End::exit)]
fn an_exchange_that_is_open_at_the_end_was_aborted(#[case] ending: fn(&mut End) -> Vec<u8>) {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.record(&end.h2_get(READ, 1, "a.example"));
    world.record(&end.h2_get(READ, 3, "b.example"));
    world.record(&end.h2_status(WRITE, 3, "200"));
    world.record(&ending(&mut end));
    let told: Vec<_> = world
        .exchanges()
        .into_iter()
        .map(|exchange| (exchange.authority.unwrap(), exchange.status, exchange.class))
        .collect();
    assert_eq!(told[0].1, Some(200));
    assert_eq!(told[1], ("a.example".to_owned(), None, "undecided".to_owned()));
    assert_eq!(world.exchange().verdict, "aborted");
    assert_eq!(told.len(), 2);
}

#[test]
fn on_a_connection_from_the_middle_what_was_missed_is_not_made_up() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1).entered_late();
    world.record(&end.opened());
    world.serve(&mut end, "b.example", 421);
    let exchange = world.exchange();
    assert_eq!(exchange.authority.as_deref(), Some("b.example"));
    assert_eq!(exchange.connection.request_number, None);
    assert_eq!(exchange.verdict, "mismatch_421_unverified");
    assert_eq!(exchange.class, "undecided");

    // With the name that was dialled, earlier requests do not matter.
    world.serve(&mut end, "a.example", 200);
    let exchange = world.exchange();
    assert_eq!(exchange.connection.request_number, None);
    assert_eq!(exchange.verdict, "ok");
}

#[test]
fn a_role_that_the_requests_contradict_is_counted() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    assert_eq!(world.losses(), []);
    let mut end = End::server(SERVER, 2);
    world.record(&end.opened());
    world.fetch(&mut end, "a.example", 200);
    assert_eq!(world.losses(), [("connection/role_conflict".to_owned(), 1)]);
    assert_eq!(world.exchange().role.as_deref(), Some("server"));
}

#[test]
fn a_role_that_the_library_does_not_tell_follows_from_the_requests() {
    let mut world = World::new();
    for (ssl, role) in [(1, "server"), (2, "client")] {
        let mut end = End::server(SERVER, ssl);
        end.facts.side = 0;
        world.record(&end.opened());
        if role == "server" {
            world.serve(&mut end, "a.example", 200);
        } else {
            world.fetch(&mut end, "a.example", 200);
        }
        assert_eq!(world.exchange().role.as_deref(), Some(role));
    }
    assert_eq!(world.losses(), []);
}
