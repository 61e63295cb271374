//! A proxy between two hops, its process seen on both.

use ebpf::record::Direction;
use wrongway::export::view;
use wrongway::observer::{Input, Output};
use wrongway::outcome::Outcome;

use super::certificates::certificate;
use super::records::{End, READ, WRITE};
use super::world::{CLIENT, SERVER, World};

/// The process of a proxy.
const PROXY: u32 = 300;
/// Longer than an exchange waits for its other end.
const PATIENCE: u64 = 3_600_000_000_000;

/// Client, proxy and upstream, with the connections between them open. `time` of all records goes up by the order of
/// the calls, since each connection's clock starts at its number.
struct Chain {
    world: World,
    client: End,
    front: End,
    back: End,
    clock: u64,
}

impl Chain {
    fn new() -> Self {
        let mut chain = Self {
            world: World::new(),
            client: End::client(CLIENT, 1).random(9),
            front: End::server(PROXY, 2).random(9),
            back: End::client(PROXY, 3).random(8),
            clock: 1_000_000_000,
        };
        for end in [&mut chain.client, &mut chain.front, &mut chain.back] {
            chain.world.record(&end.opened());
        }
        chain
    }

    fn at(&mut self, record: impl FnOnce(&mut Self) -> Vec<u8>) {
        self.clock += 1_000;
        for end in [&mut self.client, &mut self.front, &mut self.back] {
            end.facts.header.time = self.clock;
        }
        let record = record(self);
        self.world.record(&record);
    }

    fn ask(&mut self, host: &str) {
        self.at(|chain| chain.client.get(WRITE, host));
        self.at(|chain| chain.front.get(READ, host));
    }

    fn forward(&mut self, host: &str, status: u16) {
        self.at(|chain| chain.back.get(WRITE, host));
        self.at(|chain| chain.back.status(READ, status));
    }

    fn answer(&mut self, status: u16, client_first: bool) {
        if client_first {
            self.at(|chain| chain.client.status(READ, status));
        }
        self.at(|chain| chain.front.status(WRITE, status));
        if !client_first {
            self.at(|chain| chain.client.status(READ, status));
        }
    }

    /// Role and process, verdict, confidence.
    fn told(&self) -> Vec<(String, u32, String, String)> {
        let told = self.world.exchanges();
        let told = told.into_iter().map(|exchange: view::Exchange| {
            (
                exchange.role.unwrap(),
                exchange.process.pid,
                exchange.verdict,
                exchange.confidence,
            )
        });
        told.collect()
    }
}

fn line(role: &str, pid: u32, verdict: &str, confidence: &str) -> (String, u32, String, String) {
    (role.to_owned(), pid, verdict.to_owned(), confidence.to_owned())
}

#[test]
fn a_421_of_the_upstream_hop_is_relayed_on_both_ends_whichever_is_told_first() {
    for client_first in [true, false] {
        let mut chain = Chain::new();
        chain.ask("a.example");
        chain.forward("a.example", 421);
        chain.answer(421, client_first);
        let told = chain.told();
        assert_eq!(
            told,
            [
                line("client", PROXY, "matched_421_unverified", "high"),
                line("server", PROXY, "relayed_421", "high"),
                line("client", CLIENT, "relayed_421", "high"),
            ],
            "{client_first}"
        );
    }
}

#[test]
fn a_421_of_the_proxys_own_is_not_relayed() {
    let mut chain = Chain::new();
    chain.ask("a.example");
    chain.answer(421, true);
    let told = chain.told();
    assert_eq!(
        told,
        [
            line("server", PROXY, "matched_421_unverified", "high"),
            line("client", CLIENT, "matched_421_unverified", "high"),
        ]
    );
}

#[test]
fn one_upstream_answer_stands_for_one_421() {
    let mut chain = Chain::new();
    chain.ask("a.example");
    chain.forward("a.example", 421);
    chain.answer(421, false);
    chain.ask("a.example");
    chain.answer(421, false);
    let verdicts: Vec<String> = chain
        .told()
        .into_iter()
        .map(|(_, _, verdict, _)| verdict)
        .collect();
    assert_eq!(
        verdicts,
        [
            "matched_421_unverified",
            "relayed_421",
            "relayed_421",
            "matched_421_unverified",
            "matched_421_unverified"
        ]
    );
}

#[test]
fn an_earlier_upstream_answer_is_another_exchanges() {
    let mut chain = Chain::new();
    chain.forward("a.example", 421);
    chain.ask("a.example");
    chain.answer(421, false);
    assert_eq!(
        chain.told()[1],
        line("server", PROXY, "matched_421_unverified", "high")
    );
}

#[test]
fn an_upstream_answer_for_another_authority_is_in_doubt() {
    let mut chain = Chain::new();
    chain.ask("a.example");
    chain.forward("upstream.internal", 421);
    chain.answer(421, false);
    assert_eq!(
        chain.told()[1..],
        [
            line("server", PROXY, "relayed_421", "low"),
            line("client", CLIENT, "relayed_421", "low"),
        ]
    );
}

#[test]
fn an_end_that_hears_nothing_of_the_other_is_in_doubt() {
    let mut chain = Chain::new();
    chain.ask("a.example");
    chain.forward("a.example", 421);
    chain.at(|chain| chain.client.status(READ, 421));
    assert_eq!(chain.told().len(), 1, "the client's end waits");
    chain.world.input(Input::Tick(PATIENCE));
    assert_eq!(chain.told()[1], line("client", CLIENT, "relayed_421", "low"));
}

#[test]
fn a_client_that_ends_while_its_421_waits_did_not_ask_again() {
    let mut chain = Chain::new();
    chain.ask("a.example");
    chain.forward("a.example", 421);
    chain.at(|chain| chain.client.status(READ, 421));
    chain.at(|chain| chain.client.exit());
    chain.at(|chain| chain.front.status(WRITE, 421));
    assert_eq!(
        chain.told()[1..],
        [
            line("server", PROXY, "relayed_421", "high"),
            line("client", CLIENT, "relayed_421", "high"),
        ]
    );
    let outcomes = chain.world.outputs.iter().filter_map(|output| match output {
        Output::Outcome {
            exchange, outcome, ..
        } => Some((*exchange, *outcome)),
        _ => None,
    });
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [
            (1, Outcome::NotObservable),
            (3, Outcome::NotRetried),
            (2, Outcome::NotRetried)
        ]
    );
}

#[test]
fn what_waits_at_the_end_of_a_recording_is_told() {
    let mut chain = Chain::new();
    chain.ask("a.example");
    chain.at(|chain| chain.client.status(READ, 421));
    chain.world.observer.finish(&mut chain.world.outputs);
    assert_eq!(chain.told(), [line("client", CLIENT, "relayed_421", "low")]);
}

#[test]
fn the_client_of_a_server_that_dials_nobody_does_not_wait() {
    let mut world = World::new();
    let (mut client, mut server) = (End::client(CLIENT, 1).random(9), End::server(SERVER, 2).random(9));
    world.record(&client.opened());
    world.record(&server.opened());
    world.fetch(&mut client, "a.example", 421);
    assert_eq!(world.exchange().verdict, "matched_421_unverified");
}

#[test]
fn a_client_that_serves_is_a_proxy() {
    let mut chain = Chain::new();
    let mut upstream = End::server(SERVER, 4).random(8);
    chain.world.record(&upstream.opened());
    chain
        .world
        .record(&upstream.certificate(true, &certificate(&["a.example", "b.example"])));
    for (stream, authority, status) in [(1, "a.example", "200"), (3, "b.example", "421")] {
        chain
            .world
            .record(&upstream.h2_get(Direction::Read, stream, authority));
        chain
            .world
            .record(&upstream.h2_status(Direction::Write, stream, status));
    }
    // Of a browser it would be coalesced_421.
    assert_eq!(chain.world.exchange().verdict, "pool_bleed_421");
}

#[test]
fn ends_are_told_of_each_other_and_share_the_certificate() {
    let mut world = World::new();
    let (mut client, mut server) = (End::client(CLIENT, 1).random(9), End::server(SERVER, 2).random(9));
    server.facts.resumed = 1;
    world.record(&client.opened());
    world.record(&client.certificate(false, &certificate(&["a.example"])));
    world.record(&server.opened());
    world.serve(&mut server, "a.example", 200);
    let exchange = world.exchange();
    let names = exchange.certificate.names.unwrap();
    assert_eq!(names[0], "a.example");
    assert_eq!(exchange.certificate.provenance.as_deref(), Some("pair"));
    let pair = exchange.connection.pair.unwrap();
    assert_eq!((pair.connection, pair.pid), (1, CLIENT));
}
