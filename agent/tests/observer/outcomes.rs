//! What clients do after a 421, told of both ends.

use wrongway::observer::{Input, Output};
use wrongway::outcome::Outcome;

use super::records::{End, READ, WRITE};
use super::world::{CLIENT, SERVER, World};

/// Long enough for every outcome.
const LATE: u64 = 3_600_000_000_000;

/// The exchange, its outcome and what followed, in the order of the exchanges.
fn outcomes(world: &World) -> Vec<(u64, Outcome, Option<u64>)> {
    let mut outcomes: Vec<_> = world
        .outputs
        .iter()
        .filter_map(|output| match output {
            Output::Outcome {
                exchange,
                outcome,
                retried_as,
            } => Some((*exchange, *outcome, *retried_as)),
            _ => None,
        })
        .collect();
    outcomes.sort_by_key(|(exchange, ..)| *exchange);
    outcomes
}

/// Both ends of a connection, with this random.
struct Ends {
    client: End,
    server: End,
}

impl Ends {
    fn open(world: &mut World, number: u64, random: u8) -> Self {
        let mut ends = Self {
            client: End::client(CLIENT, number).random(random),
            server: End::server(SERVER, number + 1).random(random),
        };
        world.record(&ends.client.opened());
        world.record(&ends.server.opened());
        ends
    }

    fn exchange(&mut self, world: &mut World, host: &str, status: u16) {
        world.record(&self.client.get(WRITE, host));
        world.serve(&mut self.server, host, status);
        world.record(&self.client.status(READ, status));
    }
}

#[test]
fn both_ends_of_a_421_have_the_outcome_that_the_clients_end_shows() {
    let mut world = World::new();
    Ends::open(&mut world, 10, 1).exchange(&mut world, "b.example", 421);
    Ends::open(&mut world, 20, 2).exchange(&mut world, "b.example", 200);
    // Exchanges: 1 server, 2 client, 3 server, 4 client.
    assert_eq!(
        outcomes(&world),
        [(1, Outcome::Cured, Some(4)), (2, Outcome::Cured, Some(4)),]
    );
}

#[test]
fn a_client_that_exits_did_not_ask_again() {
    let mut world = World::new();
    let mut ends = Ends::open(&mut world, 10, 1);
    ends.exchange(&mut world, "b.example", 421);
    assert_eq!(outcomes(&world), []);
    world.record(&ends.client.exit());
    assert_eq!(
        outcomes(&world),
        [(1, Outcome::NotRetried, None), (2, Outcome::NotRetried, None)]
    );
}

#[test]
fn a_clients_silence_is_told_in_time() {
    let mut world = World::new();
    Ends::open(&mut world, 10, 1).exchange(&mut world, "b.example", 421);
    world.input(Input::Tick(LATE));
    assert_eq!(
        outcomes(&world),
        [(1, Outcome::NotRetried, None), (2, Outcome::NotRetried, None)]
    );
}

#[test]
fn the_same_connection_is_no_retry() {
    let mut world = World::new();
    let mut ends = Ends::open(&mut world, 10, 1);
    ends.exchange(&mut world, "b.example", 421);
    ends.exchange(&mut world, "b.example", 200);
    assert_eq!(
        outcomes(&world),
        [
            (1, Outcome::SameConnectionRetry, Some(4)),
            (2, Outcome::SameConnectionRetry, Some(4)),
        ]
    );
}

#[test]
fn a_client_that_shows_nothing_of_itself_cannot_be_followed() {
    let mut world = World::new();
    for ssl in [1, 2] {
        let mut server = End::server(SERVER, ssl);
        world.record(&server.opened());
        world.serve(&mut server, "b.example", if ssl == 1 { 421 } else { 200 });
    }
    world.input(Input::Tick(LATE));
    assert_eq!(outcomes(&world), [(1, Outcome::NotObservable, None)]);
}

#[test]
fn every_421_has_one_outcome_at_the_end_of_a_recording() {
    let mut world = World::new();
    let mut ends = Ends::open(&mut world, 10, 1);
    for _ in 0..5 {
        ends.exchange(&mut world, "b.example", 421);
    }
    world.observer.finish(&mut world.outputs);
    assert_eq!(outcomes(&world).len(), 10);
}
