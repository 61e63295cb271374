use rstest::rstest;

use super::super::testing::{connection, exchange};
use super::*;
use crate::connection::{Facts, Process, ServerName};
use crate::export::present;
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

#[test]
fn the_oldest_exchanges_make_room_and_are_counted() {
    let (mut store, metrics) = store(SMALL);
    for id in 1..=5 {
        store.exchange(exchange(id, Verdict::Ok).into());
    }
    let page = store.exchanges(&Query::default());
    assert_eq!(ids(&page), [3, 4, 5]);
    assert_eq!(page.matched, 3);
    assert_eq!(losses(&metrics), [("exchange_evicted".to_owned(), 2)]);
}

#[test]
fn findings_outlive_the_exchanges_around_them() {
    let (mut store, metrics) = store(SMALL);
    store.exchange(exchange(1, Verdict::Split421).into());
    for id in 2..=9 {
        store.exchange(exchange(id, Verdict::Ok).into());
    }
    assert_eq!(ids(&store.findings(&Query::default())), [1]);
    for id in 10..=12 {
        store.exchange(exchange(id, Verdict::Split421).into());
    }
    assert_eq!(ids(&store.findings(&Query::default())), [11, 12]);
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
    store.exchange(exchange(1, verdict).into());
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
        store.exchange(exchange(id, verdict).into());
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
    store.exchange(exchange(1, Verdict::Split421).into());
    let query = Query::default();
    let outcome = |page: Page<Recent>| present::exchange(&page.items[0]).outcome;
    assert_eq!(outcome(store.findings(&query)).as_deref(), Some("not_observable"));
    store.set_outcome(1, "cured");
    for page in [store.exchanges(&query), store.findings(&query)] {
        assert_eq!(outcome(page).as_deref(), Some("cured"));
    }
    store.set_outcome(99, "loop");
    assert!(
        metrics
            .render()
            .contains("wrongway_421_outcomes_total{outcome=\"cured\"} 1\n")
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
        store.exchange(exchange.into());
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
        store.exchange(exchange.into());
    }
    let traffic = &store.connections(&Query::default()).items[0].traffic;
    assert_eq!((traffic.requests, traffic.authorities.len()), (100, AUTHORITIES));
}

#[test]
fn a_full_summary_counts_the_rest_in_one_line() {
    let (mut store, metrics) = store(SMALL);
    for id in 1..=10 {
        let mut exchange = exchange(id, Verdict::Ok);
        exchange.authority = Some(format!("host{id}.example").into());
        store.exchange(exchange.into());
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
        store.exchange(exchange(id, verdict).into());
    }
    let page = store.summary(&Query::default());
    let verdicts: Vec<_> = page.items.iter().map(Line::verdict).collect();
    assert_eq!(verdicts, ["split_421", "aborted", "ok"]);
}

#[test]
fn an_exchange_is_shown_with_the_other_end_that_was_found_after_it() {
    let (mut store, _) = store(SMALL);
    store.connection_opened(connection(1).into());
    store.exchange(exchange(1, Verdict::Ok).into());
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
