//! Connections open, close, and end with their process.

use rstest::rstest;
use wrongway::connection::Role;
use wrongway::export::present;
use wrongway::export::store::{Connection, Traffic};
use wrongway::observer::Output;

use super::records::{End, READ};
use super::world::{EPOCH, LIBRARY, SERVER, World};

#[test]
fn a_connection_opens_with_its_facts_and_closes() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 5);
    world.record(&end.opened());
    let opened = world.outputs.iter().find_map(|output| match output {
        Output::Opened(facts) => Some(facts),
        _ => None,
    });
    let facts = opened.unwrap();
    assert_eq!((facts.id, facts.pid, facts.role), (1, SERVER, Some(Role::Server)));
    assert_eq!(facts.opened_at, EPOCH + end.key().born);
    assert_eq!(facts.process.exe.as_deref(), Some("/usr/sbin/server"));
    assert_eq!(facts.process.library.as_deref(), Some(LIBRARY));
    assert_eq!(world.observer.open().collect::<Vec<_>>(), [end.key()]);

    let view = present::connection(&Connection {
        facts: facts.clone(),
        open: true,
        traffic: Traffic::default(),
    });
    assert_eq!(view.time, "2026-01-02T03:04:05.005000Z");
    assert_eq!(view.version.as_deref(), Some("TLSv1.3"));
    assert_eq!(view.resumed, Some(false));
    assert_eq!(view.client_random, Some("05".repeat(32)));

    world.record(&end.closed());
    assert_eq!(world.closed(), [1]);
    assert_eq!(world.observer.open().count(), 0);
}

#[test]
fn what_the_record_does_not_know_is_null() {
    let mut world = World::new();
    let mut end = End::server(999, 5).random(0);
    end.facts.library = 7;
    end.facts.version = 0;
    end.facts.side = 0;
    end.facts.resumed = 255;
    world.record(&end.opened());
    let opened = world.outputs.iter().find_map(|output| match output {
        Output::Opened(facts) => Some(facts),
        _ => None,
    });
    let facts = opened.unwrap();
    let view = present::connection(&Connection {
        facts: facts.clone(),
        open: true,
        traffic: Traffic::default(),
    });
    assert_eq!(view.process.pid, 999);
    assert_eq!((&view.process.exe, &view.process.library), (&None, &None));
    assert_eq!((view.role, view.version), (None, None));
    assert_eq!((view.client_random, view.resumed), (None, None));
}

#[test]
fn numbers_of_connections_increase_and_are_not_used_again() {
    let mut world = World::new();
    for ssl in 1..=3 {
        let mut end = End::server(SERVER, ssl);
        world.record(&end.opened());
        world.record(&end.closed());
    }
    assert_eq!(world.closed(), [1, 2, 3]);
}

#[test]
fn a_connection_that_is_not_known_closes_silently() {
    let mut world = World::new();
    world.record(&End::server(SERVER, 1).closed());
    assert!(world.outputs.is_empty(), "{:?}", world.outputs);
}

/// The end of a connection was lost, and its object or its address serves another one.
#[test]
fn a_connection_at_the_same_address_ends_the_one_before() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.record(&end.get(READ, "a.example"));
    let mut again = End::server(SERVER, 1);
    again.facts.header.born += 1;
    world.record(&again.opened());
    assert_eq!(world.closed(), [1]);
    assert_eq!(world.observer.open().collect::<Vec<_>>(), [again.key()]);
    assert_eq!(world.exchange().verdict, "aborted");

    world.serve(&mut again, "a.example", 200);
    assert_eq!(world.exchange().connection.id, 2);
    assert_eq!(world.exchange().connection.request_number, Some(1));
}

#[rstest]
#[case::exec(End::exec)]
#[case::exit(End::exit)]
fn the_connections_of_a_process_end_with_it(#[case] ending: fn(&mut End) -> Vec<u8>) {
    let mut world = World::new();
    let mut ends = [1, 2].map(|ssl| End::server(SERVER, ssl));
    let mut others = [SERVER - 1, SERVER + 1].map(|pid| End::server(pid, 1));
    for end in ends.iter_mut().chain(&mut others) {
        world.record(&end.opened());
        world.record(&end.get(READ, "a.example"));
    }
    world.record(&ending(&mut ends[0]));
    assert_eq!(world.closed(), [1, 2]);
    let aborted: Vec<_> = world
        .exchanges()
        .into_iter()
        .map(|exchange| (exchange.connection.id, exchange.verdict, exchange.status))
        .collect();
    assert_eq!(aborted, [1, 2].map(|id| (id, "aborted".to_owned(), None)));
    let open: Vec<_> = world.observer.open().collect();
    assert_eq!(open, others.map(|end| end.key()));
    assert!(
        !world.observer.knows(SERVER),
        "it is another process now, or none"
    );
}

#[test]
fn a_process_is_known_once_it_was_told() {
    let world = World::new();
    assert!(world.observer.knows(SERVER));
    assert!(!world.observer.knows(SERVER + 1));
}
