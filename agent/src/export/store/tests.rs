use rstest::rstest;

use super::super::testing::{connection, exchange};
use super::*;
use crate::connection::{Facts, Process, ServerName};
use crate::export::present;
use crate::policy::Policy;
use crate::verdict::Verdict;

const SMALL: Limits = Limits {
    exchanges: 3,
    findings: 2,
    connections: 3,
    summary_lines: 2,
    alerts: 2,
};

fn store(limits: Limits) -> (Store, Metrics) {
    let metrics = Metrics::new();
    (Store::new(limits, metrics.clone()), metrics)
}

fn losses(metrics: &Metrics) -> Vec<(String, u64)> {
    let losses = metrics.losses().into_iter();
    losses.map(|(_, reason, count)| (reason, count)).collect()
}

fn ids(page: &Page<Recent>) -> Vec<u64> {
    page.items.iter().map(|recent| recent.judged.id).collect()
}

fn finding_ids(page: &Page<Finding>) -> Vec<u64> {
    page.items
        .iter()
        .map(|finding| present::finding(finding).id)
        .collect()
}

#[test]
fn the_oldest_exchanges_make_room_and_are_counted() {
    let (mut store, metrics) = store(SMALL);
    for id in 1..=5 {
        store.exchange(exchange(id, Verdict::Ok).into(), &Policy::default());
    }
    let page = store.exchanges(&Query::default());
    assert_eq!(ids(&page), [3, 4, 5]);
    assert_eq!(page.matched, 3);
    assert_eq!(losses(&metrics), [("exchange_evicted".to_owned(), 2)]);
}

#[test]
fn findings_outlive_the_exchanges_around_them() {
    let (mut store, metrics) = store(SMALL);
    store.exchange(exchange(1, Verdict::Split421).into(), &Policy::default());
    for id in 2..=9 {
        store.exchange(exchange(id, Verdict::Ok).into(), &Policy::default());
    }
    assert_eq!(finding_ids(&store.findings(&Query::default())), [1]);
    for id in 10..=12 {
        store.exchange(exchange(id, Verdict::Split421).into(), &Policy::default());
    }
    assert_eq!(finding_ids(&store.findings(&Query::default())), [11, 12]);
    assert!(losses(&metrics).contains(&("finding_evicted".to_owned(), 2)));
}

#[rstest]
#[case::fine(Verdict::Ok, false)]
#[case::undecided(Verdict::Aborted, false)]
#[case::correct(Verdict::Split421, true)]
#[case::wrong(Verdict::False421, true)]
#[case::missing(Verdict::Missing421, true)]
#[case::watch(Verdict::SplitServed, true)]
#[case::malformed(Verdict::MalformedRejected, true)]
fn classes_decide_what_is_a_finding(#[case] verdict: Verdict, #[case] finding: bool) {
    let (mut store, _) = store(SMALL);
    store.exchange(exchange(1, verdict).into(), &Policy::default());
    assert_eq!(store.findings(&Query::default()).matched == 1, finding);
}

#[test]
fn filters_and_limit_select_the_newest_that_match() {
    let (mut store, _) = store(Limits::default());
    for id in 1..=10 {
        let verdict = if id % 2 == 0 {
            Verdict::Ok
        } else {
            Verdict::SplitServed
        };
        store.exchange(exchange(id, verdict).into(), &Policy::default());
    }
    let query = Query {
        limit: 2,
        verdict: Some("ok".to_owned()),
        authority: Some("B.example".to_owned()),
        ..Query::default()
    };
    let page = store.exchanges(&query);
    assert_eq!((ids(&page), page.matched), (vec![8, 10], 5));
    let query = Query {
        since: Some(8),
        ..Query::default()
    };
    assert_eq!(ids(&store.exchanges(&query)), [9, 10]);
}

#[test]
fn an_outcome_reaches_both_lists() {
    let (mut store, metrics) = store(SMALL);
    store.exchange(exchange(1, Verdict::Split421).into(), &Policy::default());
    let query = Query::default();
    let outcomes = |store: &Store| {
        let exchange = present::exchange(&store.exchanges(&query).items[0]);
        let finding = present::finding(&store.findings(&query).items[0]);
        [exchange.outcome, finding.outcome]
    };
    assert_eq!(outcomes(&store), [None, None], "it is awaited");
    let cured = Followed {
        outcome: Outcome::Cured,
        retried_as: Some(2),
    };
    store.set_outcome(1, cured);
    assert_eq!(
        outcomes(&store),
        ["cured", "cured"].map(|outcome| Some(outcome.to_owned()))
    );
    store.set_outcome(99, cured);
    assert!(
        metrics
            .render()
            .contains("wrongway_421_outcomes_total{outcome=\"cured\"} 2\n")
    );
}

#[test]
fn closed_connections_make_room_before_open_ones() {
    let (mut store, metrics) = store(SMALL);
    for id in 1..=3 {
        store.connection_opened(connection(id).into());
    }
    store.connection_closed(connection(2).into());
    store.connection_opened(connection(4).into());
    store.connection_opened(connection(5).into());
    let page = store.connections(&Query::default());
    let held: Vec<u64> = page.items.iter().map(|connection| connection.facts.id).collect();
    assert_eq!(held, [3, 4, 5]);
    assert_eq!(
        losses(&metrics),
        [
            ("closed_connection_evicted".to_owned(), 1),
            ("open_connection_evicted".to_owned(), 1)
        ]
    );
    assert!(metrics.render().contains("wrongway_connections_open 4\n"));
}

#[test]
fn an_evicted_connection_does_not_come_back() {
    let (mut store, metrics) = store(SMALL);
    for id in 1..=4 {
        store.connection_opened(connection(id).into());
    }
    store.connection_updated(connection(1).into());
    store.connection_closed(connection(1).into());
    assert_eq!(store.connections(&Query::default()).items[0].facts.id, 2);
    assert!(metrics.render().contains("wrongway_connections_open 3\n"));
}

#[test]
fn a_connection_is_counted_once_when_its_facts_are_known() {
    let (mut store, metrics) = store(SMALL);
    let mut unknown = connection(1);
    unknown.role = None;
    store.connection_opened(unknown.into());
    assert!(!metrics.render().contains("wrongway_connections_total{"));
    store.connection_updated(connection(1).into());
    store.connection_updated(connection(1).into());
    store.connection_closed(connection(1).into());
    let sample =
        "wrongway_connections_total{library=\"libssl.so.3\",role=\"server\",sni_provenance=\"object\"} 1\n";
    assert!(metrics.render().contains(sample), "{}", metrics.render());
}

#[test]
fn a_connection_that_closes_unknown_is_counted_as_such() {
    let (mut store, metrics) = store(SMALL);
    let mut unknown = connection(1);
    unknown.role = None;
    unknown.process = Arc::new(Process::default());
    unknown.name = ServerName::Unknown;
    unknown.name_source = None;
    let unknown = Arc::new(unknown);
    store.connection_opened(Arc::clone(&unknown));
    store.connection_closed(unknown);
    let sample =
        "wrongway_connections_total{library=\"unknown\",role=\"unknown\",sni_provenance=\"unknown\"} 1\n";
    assert!(metrics.render().contains(sample), "{}", metrics.render());
}

#[test]
fn closing_keeps_the_last_facts() {
    let (mut store, _) = store(SMALL);
    store.connection_opened(connection(1).into());
    store.connection_closed(
        Facts {
            resumed: Some(true),
            ..connection(1)
        }
        .into(),
    );
    let page = store.connections(&Query::default());
    let last = present::connection(&page.items[0]);
    assert_eq!((last.open, last.resumed), (Some(false), Some(true)));
}

#[test]
fn exchanges_add_to_their_connection() {
    let (mut store, _) = store(Limits::default());
    store.connection_opened(connection(1).into());
    store.connection_opened(connection(2).into());
    for (id, name) in (1..).zip(["b.example", "a.example", "b.example"]) {
        let mut exchange = exchange(id, Verdict::Ok);
        exchange.authority = Some(name.into());
        store.exchange(exchange.into(), &Policy::default());
    }
    store.connection_closed(connection(1).into());
    let page = store.connections(&Query::default());
    let [busy, idle] = [0, 1].map(|index| present::connection(&page.items[index]));
    assert_eq!((busy.requests, busy.protocol.as_deref()), (3, Some("h2")));
    assert_eq!(busy.authorities, ["b.example", "a.example"]);
    assert_eq!((idle.requests, idle.protocol), (0, None));
    assert_eq!(idle.authorities, Vec::<String>::new());
    let query = Query {
        authority: Some("A.example".to_owned()),
        ..Query::default()
    };
    assert_eq!(store.connections(&query).matched, 1);
}

#[test]
fn the_authorities_of_a_connection_are_bounded() {
    let (mut store, _) = store(Limits::default());
    store.connection_opened(connection(1).into());
    for id in 1..=100 {
        let mut exchange = exchange(id, Verdict::Ok);
        exchange.authority = Some(format!("host{id}.example").into());
        store.exchange(exchange.into(), &Policy::default());
    }
    let traffic = &store.connections(&Query::default()).items[0].traffic;
    assert_eq!((traffic.requests, traffic.authorities.len()), (100, AUTHORITIES));
}

#[test]
fn a_full_summary_counts_the_rest_in_one_line() {
    let (mut store, metrics) = store(SMALL);
    for id in 1..=10 {
        let mut exchange = exchange(id, Verdict::Ok);
        exchange.connection = Arc::new(Facts {
            process: Arc::new(Process {
                exe: Some(format!("/usr/bin/server-{id}")),
                ..Process::default()
            }),
            ..connection(1)
        });
        store.exchange(exchange.into(), &Policy::default());
    }
    let page = store.summary(&Query::default());
    let counts: Vec<_> = page
        .items
        .iter()
        .map(|line| (line.verdict(), line.count))
        .collect();
    assert_eq!(counts, [("ok", 1), ("ok", 1), ("other", 8)]);
    assert!(losses(&metrics).contains(&("summary_full".to_owned(), 8)));
}

#[test]
fn the_summary_begins_with_what_deserves_attention() {
    let (mut store, _) = store(Limits::default());
    let verdicts = [Verdict::Ok, Verdict::Ok, Verdict::Aborted, Verdict::Split421];
    for (id, verdict) in (1..).zip(verdicts) {
        store.exchange(exchange(id, verdict).into(), &Policy::default());
    }
    let page = store.summary(&Query::default());
    let verdicts: Vec<_> = page.items.iter().map(Line::verdict).collect();
    assert_eq!(verdicts, ["split_421", "aborted", "ok"]);
}

#[test]
fn an_exchange_is_shown_with_the_other_end_that_was_found_after_it() {
    let (mut store, _) = store(SMALL);
    store.connection_opened(connection(1).into());
    store.exchange(exchange(1, Verdict::Ok).into(), &Policy::default());
    let shown = |store: &Store| {
        let page = store.exchanges(&Query::default());
        present::exchange(&page.items[0]).connection.pair
    };
    assert_eq!(shown(&store), None);
    let process = Process {
        pid: 7,
        ..Process::default()
    };
    store.connection_updated(Arc::new(Facts {
        pair: Some(Arc::new(Pair {
            connection: 2,
            process: Arc::new(process),
        })),
        ..connection(1)
    }));
    let pair = shown(&store).unwrap();
    assert_eq!((pair.connection, pair.pid), (2, 7));
}

#[test]
fn one_cause_is_one_line_whatever_its_names_and_clients() {
    let (mut store, _) = store(Limits::default());
    for id in 1..=100 {
        let mut exchange = exchange(id, Verdict::NoSni421);
        exchange.authority = Some(format!("host{}.example", id % 80).into());
        let pair = Pair {
            connection: id,
            process: Arc::new(Process {
                pid: 1000 + u32::try_from(id % 3).unwrap(),
                exe: Some("/usr/sbin/nginx".to_owned()),
                ..Process::default()
            }),
        };
        exchange.connection = Arc::new(Facts {
            pair: Some(Arc::new(pair)),
            ..connection(1)
        });
        store.exchange(exchange.into(), &Policy::default());
    }
    let page = store.summary(&Query::default());
    let [line] = &page.items[..] else {
        panic!("{:?}", page.items);
    };
    let line = present::summary_line(line, 0);
    assert_eq!((line.count, line.clients, line.more_clients), (100, 3, false));
    assert_eq!(line.other_exe.as_deref(), Some("/usr/sbin/nginx"));
    assert_eq!((line.names.len(), line.other_names), (64, 16));
    assert_eq!(line.names.iter().map(|name| name.count).sum::<u64>(), 84);
    assert_eq!((line.trend.as_str(), line.latest), ("rising", 100));
    let filtered = Query {
        authority: Some("host7.example".to_owned()),
        ..Query::default()
    };
    assert_eq!(store.summary(&filtered).items.len(), 1);
    let other = Query {
        authority: Some("other.example".to_owned()),
        ..Query::default()
    };
    assert_eq!(store.summary(&other).items.len(), 0);
}

#[test]
fn findings_of_earlier_runs_come_first_and_make_room() {
    let (mut store, _) = store(Limits::default());
    let past = |id: u64, time: &str| {
        let mut past = present::judged(&exchange(id, Verdict::Split421));
        past.time = time.to_owned();
        past
    };
    store.set_past(
        [
            past(1, "2026-01-01T00:00:00.000000Z"),
            past(2, "2026-01-02T00:00:00.000000Z"),
        ]
        .into_iter(),
    );
    store.exchange(exchange(3, Verdict::Split421).into(), &Policy::default());
    let page = store.findings(&Query::default());
    assert_eq!((finding_ids(&page), page.matched), (vec![1, 2, 3], 3));
    let newest = Query {
        limit: 2,
        ..Query::default()
    };
    let page = store.findings(&newest);
    assert_eq!((finding_ids(&page), page.matched), (vec![2, 3], 3));
    let day = Query {
        // 2026-01-02T00:00:00Z
        since_time: Some(1_767_312_000_000_000_000),
        ..Query::default()
    };
    assert_eq!(finding_ids(&store.findings(&day)), [2]);
    assert_eq!(store.past(1).unwrap().id, 1);
    assert_eq!(store.past(3), None);
}

#[test]
fn findings_of_this_run_take_the_room_of_earlier_ones() {
    let (mut store, metrics) = store(SMALL);
    let past = [1, 2].map(|id| present::judged(&exchange(id, Verdict::Split421)));
    store.set_past(past.into_iter());
    for id in 3..=4 {
        store.exchange(exchange(id, Verdict::Split421).into(), &Policy::default());
    }
    assert_eq!(finding_ids(&store.findings(&Query::default())), [3, 4]);
    assert_eq!(losses(&metrics), [], "the journal still has them");
}
