use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use proptest::prelude::*;
use rstest::rstest;

use super::*;

const SECOND: u64 = 1_000_000_000;
const BROWSER: Client = Client::Process(7);
const REMOTE: Client = Client::Remote {
    address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    fingerprint: 1,
};

/// The `index`th exchange, half a second after the one before, each answered at once.
fn event(client: Client, index: u64, connection: u64, answer: Answer) -> Event<'static> {
    let time = 100 * SECOND + index * SECOND / 2;
    Event {
        exchange: index,
        client,
        authority: "b.example",
        connection,
        request_number: None,
        requested_at: time,
        answered_at: time + 1,
        answer,
    }
}

/// What is told of these answers, each on a connection, and of what follows in time.
fn outcomes(client: Client, answers: &[(u64, u16)]) -> Vec<(u64, &'static str, Option<u64>)> {
    let mut tracker = Tracker::new(Windows::default());
    let mut told = Vec::new();
    for (index, (connection, status)) in (1..).zip(answers) {
        let answer = match status {
            421 => Answer::Misdirected,
            0 => Answer::Unknown,
            _ => Answer::Other,
        };
        tracker.exchange(&event(client, index, *connection, answer), &mut told);
    }
    tracker.tick(10_000 * SECOND, &mut told);
    assert!(tracker_is_empty(&tracker), "{tracker:?}");
    told.sort_by_key(|told| told.exchange);
    told.iter()
        .map(|told| (told.exchange, told.outcome.as_str(), told.retried_as))
        .collect()
}

fn tracker_is_empty(tracker: &Tracker) -> bool {
    format!("{tracker:?}").contains("chains: {}, count: 0")
}

#[rstest]
#[case::cured(&[(1, 421), (2, 200)], &[(1, "cured", Some(2))])]
#[case::cured_by_any_other_answer(&[(1, 421), (2, 404)], &[(1, "cured", Some(2))])]
#[case::not_retried(&[(1, 421)], &[(1, "not_retried", None)])]
#[case::the_normal_stop(&[(1, 421), (2, 421)], &[(1, "second_421", Some(2)), (2, "not_retried", None)])]
#[case::cured_at_the_second_try(
    &[(1, 421), (2, 421), (3, 200)],
    &[(1, "second_421", Some(2)), (2, "cured", Some(3))]
)]
#[case::three_are_a_loop(
    &[(1, 421), (2, 421), (3, 421), (4, 421)],
    &[(1, "second_421", Some(2)), (2, "loop", Some(3)), (3, "loop", Some(4)), (4, "not_retried", None)]
)]
#[case::same_connection(&[(1, 421), (1, 200)], &[(1, "same_connection_retry", Some(2))])]
#[case::same_connection_again(
    &[(1, 421), (1, 421)],
    &[(1, "same_connection_retry", Some(2)), (2, "not_retried", None)]
)]
#[case::ping_pong(
    &[(1, 421), (2, 200), (1, 421), (2, 200)],
    &[(1, "cured", Some(2)), (3, "ping_pong", Some(4))]
)]
#[case::ping_pong_is_known_without_another_retry(
    &[(1, 421), (2, 200), (1, 421)],
    &[(1, "cured", Some(2)), (3, "ping_pong", None)]
)]
#[case::asked_again_without_an_answer(&[(1, 421), (2, 0)], &[(1, "not_observable", None)])]
#[case::asked_again_until_answered(&[(1, 421), (2, 0), (3, 200)], &[(1, "cured", Some(3))])]
#[case::nothing_to_follow(&[(1, 200), (2, 200)], &[])]
fn what_a_client_did_is_told(#[case] answers: &[(u64, u16)], #[case] expected: &[(u64, &str, Option<u64>)]) {
    assert_eq!(outcomes(BROWSER, answers), expected);
}

#[test]
fn another_machine_may_have_asked_elsewhere() {
    assert_eq!(outcomes(REMOTE, &[(1, 421)]), [(1, "not_observable", None)]);
    assert_eq!(outcomes(REMOTE, &[(1, 421), (2, 200)]), [(1, "cured", Some(2))]);
}

#[test]
fn a_request_that_was_under_way_is_no_retry() {
    let mut tracker = Tracker::new(Windows::default());
    let mut told = Vec::new();
    let first = event(BROWSER, 1, 1, Answer::Misdirected);
    tracker.exchange(&first, &mut told);
    let parallel = Event {
        requested_at: first.requested_at,
        ..event(BROWSER, 2, 2, Answer::Other)
    };
    tracker.exchange(&parallel, &mut told);
    assert_eq!(told, []);
}

#[test]
fn each_retry_answers_one_421() {
    let mut tracker = Tracker::new(Windows::default());
    let mut told = Vec::new();
    for index in 1..=2 {
        let parallel = Event {
            requested_at: 100 * SECOND,
            ..event(BROWSER, index, 1, Answer::Misdirected)
        };
        tracker.exchange(&parallel, &mut told);
    }
    tracker.exchange(&event(BROWSER, 3, 2, Answer::Other), &mut told);
    tracker.tick(10_000 * SECOND, &mut told);
    let told: Vec<_> = told.iter().map(|told| (told.exchange, told.outcome)).collect();
    assert_eq!(told, [(1, Outcome::Cured), (2, Outcome::NotRetried)]);
}

#[test]
fn a_client_that_ended_will_not_ask_again() {
    let mut tracker = Tracker::new(Windows::default());
    let mut told = Vec::new();
    tracker.exchange(&event(BROWSER, 1, 1, Answer::Misdirected), &mut told);
    tracker.process_ended(7, &mut told);
    assert_eq!(told[0].outcome, Outcome::NotRetried);
    assert!(tracker_is_empty(&tracker), "{tracker:?}");
}

#[test]
fn a_cure_long_ago_does_not_delay_the_next_outcome() {
    let mut tracker = Tracker::new(Windows::default());
    let mut told = Vec::new();
    tracker.exchange(&event(BROWSER, 1, 1, Answer::Misdirected), &mut told);
    tracker.exchange(&event(BROWSER, 2, 2, Answer::Other), &mut told);
    let late = event(BROWSER, 200, 1, Answer::Misdirected);
    tracker.exchange(&late, &mut told);
    tracker.tick(late.answered_at + 21 * SECOND, &mut told);
    let told: Vec<_> = told.iter().map(|told| told.outcome).collect();
    assert_eq!(told, [Outcome::Cured, Outcome::PingPong]);
}

#[test]
fn a_servers_end_is_told_what_its_clients_end_shows() {
    for client_first in [true, false] {
        let mut tracker = Tracker::new(Windows::default());
        let mut told = Vec::new();
        let asked = Event {
            request_number: Some(3),
            ..event(BROWSER, 1, 1, Answer::Misdirected)
        };
        tracker.exchange(&asked, &mut told);
        if client_first {
            tracker.exchange(&event(BROWSER, 2, 2, Answer::Other), &mut told);
            tracker.servers_end(9, (1, 3), asked.answered_at, &mut told);
        } else {
            tracker.servers_end(9, (1, 3), asked.answered_at, &mut told);
            tracker.exchange(&event(BROWSER, 2, 2, Answer::Other), &mut told);
        }
        let told: Vec<_> = told
            .iter()
            .map(|told| (told.exchange, told.outcome, told.retried_as))
            .collect();
        assert_eq!(told, [(1, Outcome::Cured, Some(2)), (9, Outcome::Cured, Some(2))]);
    }
}

#[test]
fn a_servers_end_whose_clients_end_never_came_is_not_observable() {
    let mut tracker = Tracker::new(Windows::default());
    let mut told = Vec::new();
    tracker.servers_end(9, (1, 3), 0, &mut told);
    tracker.tick(29 * SECOND, &mut told);
    assert_eq!(told, []);
    tracker.tick(31 * SECOND, &mut told);
    assert_eq!(told[0].outcome, Outcome::NotObservable);
}

#[test]
fn memory_is_bounded_and_nothing_is_left_untold() {
    let mut tracker = Tracker::new(Windows::default());
    let mut told = Vec::new();
    let authorities: Vec<String> = (0..20_000).map(|index| format!("{index}.example")).collect();
    for (index, authority) in (1..).zip(&authorities) {
        let event = Event {
            authority,
            ..event(BROWSER, index, index, Answer::Misdirected)
        };
        tracker.exchange(&event, &mut told);
    }
    for index in 0..20_000 {
        tracker.exchange(
            &event(REMOTE, 30_000 + index, index, Answer::Misdirected),
            &mut told,
        );
    }
    tracker.finish(&mut told);
    assert_eq!(told.len(), 40_000);
    assert!(tracker_is_empty(&tracker), "{tracker:?}");
}

/// The same in the plainest way: every 421 in a list, looked through at every step.
#[derive(Default)]
struct Reference {
    waiting: Vec<(Event<'static>, u32, bool, bool)>,
    cured: BTreeMap<(Client, &'static str), u64>,
    told: BTreeMap<u64, (Outcome, Option<u64>)>,
}

impl Reference {
    fn exchange(&mut self, event: Event<'static>) {
        let retry = 10 * SECOND;
        let key = (event.client, event.authority);
        let found = self.waiting.iter().position(|(asked, _, _, tried)| {
            (asked.client, asked.authority) == key
                && event.requested_at >= asked.answered_at
                && event.requested_at <= asked.answered_at + retry
                && !(*tried && event.answer == Answer::Unknown)
        });
        let mut depth = 0;
        match found {
            Some(index) if event.answer == Answer::Unknown => self.waiting[index].3 = true,
            Some(index) => {
                let (asked, row, again, _) = self.waiting.remove(index);
                let outcome = if asked.connection == event.connection {
                    Outcome::SameConnectionRetry
                } else if event.answer == Answer::Other {
                    Outcome::Cured
                } else if row >= 2 {
                    Outcome::Loop
                } else {
                    Outcome::Second421
                };
                if outcome == Outcome::Cured {
                    self.cured.insert(key, event.answered_at);
                }
                depth = row;
                let outcome = if again { Outcome::PingPong } else { outcome };
                self.told.insert(asked.exchange, (outcome, Some(event.exchange)));
            }
            None => {}
        }
        if event.answer == Answer::Misdirected {
            let again = depth == 0
                && self.cured.get(&key).is_some_and(|cured| {
                    event.requested_at >= *cured && event.requested_at <= cured + 300 * SECOND
                });
            self.waiting.push((event, depth + 1, again, false));
        }
    }

    fn tick(&mut self, now: u64, everything: bool) {
        let told = &mut self.told;
        self.waiting.retain(|(asked, _, again, tried)| {
            let over = everything || asked.answered_at + 20 * SECOND < now;
            if over {
                let outcome = match asked.client {
                    _ if *again => Outcome::PingPong,
                    Client::Process(_) if !tried => Outcome::NotRetried,
                    Client::Process(_) | Client::Remote { .. } => Outcome::NotObservable,
                };
                told.insert(asked.exchange, (outcome, None));
            }
            !over
        });
    }
}

/// Exchanges of two clients for two names over three connections each, with steps of time between them.
fn exchanges() -> impl Strategy<Value = Vec<(Event<'static>, bool)>> {
    let one = (0..2u8, 0..2u8, 0..3u64, 0..5u8, 0..12u64, 0..3u64, any::<bool>());
    prop::collection::vec(one, 0..40).prop_map(|steps| {
        let mut now = 1000 * SECOND;
        let events = (1..).zip(steps).map(
            |(exchange, (client, name, connection, answer, step, length, tick))| {
                now += step * SECOND;
                let event = Event {
                    exchange,
                    client: if client == 0 { BROWSER } else { REMOTE },
                    authority: if name == 0 { "a.example" } else { "b.example" },
                    connection,
                    request_number: None,
                    requested_at: now - length * SECOND,
                    answered_at: now,
                    answer: match answer {
                        0 | 1 => Answer::Misdirected,
                        2 | 3 => Answer::Other,
                        _ => Answer::Unknown,
                    },
                };
                (event, tick)
            },
        );
        events.collect()
    })
}

proptest! {
    #[test]
    fn the_tracker_does_what_the_reference_does(exchanges in exchanges()) {
        let mut tracker = Tracker::new(Windows::default());
        let mut reference = Reference::default();
        let mut told = Vec::new();
        for (event, tick) in &exchanges {
            if *tick {
                tracker.tick(event.answered_at, &mut told);
                reference.tick(event.answered_at, false);
            }
            tracker.exchange(event, &mut told);
            reference.exchange(*event);
        }
        tracker.tick(u64::MAX / 2, &mut told);
        reference.tick(0, true);
        let count = told.len();
        let told: BTreeMap<_, _> =
            told.into_iter().map(|told| (told.exchange, (told.outcome, told.retried_as))).collect();
        prop_assert_eq!(told.len(), count, "one outcome each");
        prop_assert_eq!(told, reference.told);
    }
}
