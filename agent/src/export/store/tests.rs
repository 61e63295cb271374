use rstest::rstest;

use super::super::testing::{connection, exchange};
use super::*;

const SMALL: Limits = Limits {
    exchanges: 3,
    findings: 2,
    connections: 3,
    summary_lines: 2,
};

fn store(limits: Limits) -> (Store, Metrics) {
    let metrics = Metrics::new();
    (Store::new(limits, metrics.clone()), metrics)
}

fn losses(metrics: &Metrics) -> Vec<(String, u64)> {
    let losses = metrics.losses().into_iter();
    losses.map(|(_, reason, count)| (reason, count)).collect()
}

fn ids(page: &Page<Arc<Exchange>>) -> Vec<u64> {
    page.items.iter().map(|exchange| exchange.id).collect()
}

#[test]
fn the_oldest_exchanges_make_room_and_are_counted() {
    let (mut store, metrics) = store(SMALL);
    for id in 1..=5 {
        store.exchange(exchange(id, "ok", "fine"));
    }
    let page = store.exchanges(&Query::default());
    assert_eq!(ids(&page), [3, 4, 5]);
    assert_eq!(page.matched, 3);
    assert_eq!(losses(&metrics), [("exchange_evicted".to_owned(), 2)]);
}

#[test]
fn findings_outlive_the_exchanges_around_them() {
    let (mut store, metrics) = store(SMALL);
    store.exchange(exchange(1, "split_421", "correct_421"));
    for id in 2..=9 {
        store.exchange(exchange(id, "ok", "fine"));
    }
    assert_eq!(ids(&store.findings(&Query::default())), [1]);
    for id in 10..=12 {
        store.exchange(exchange(id, "split_421", "correct_421"));
    }
    assert_eq!(ids(&store.findings(&Query::default())), [11, 12]);
    assert!(losses(&metrics).contains(&("finding_evicted".to_owned(), 2)));
}

#[rstest]
#[case::fine("fine", false)]
#[case::undecided("undecided", false)]
#[case::correct("correct_421", true)]
#[case::wrong("wrong_421", true)]
#[case::missing("missing_421", true)]
#[case::watch("watch", true)]
#[case::malformed("malformed", true)]
fn classes_decide_what_is_a_finding(#[case] class: &str, #[case] finding: bool) {
    let (mut store, _) = store(SMALL);
    store.exchange(exchange(1, "any", class));
    assert_eq!(store.findings(&Query::default()).matched == 1, finding);
}

#[test]
fn filters_and_limit_select_the_newest_that_match() {
    let (mut store, _) = store(Limits::default());
    for id in 1..=10 {
        let verdict = if id % 2 == 0 { "ok" } else { "split_served" };
        store.exchange(exchange(id, verdict, "fine"));
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
    store.exchange(exchange(1, "split_421", "correct_421"));
    store.set_outcome(1, "cured");
    let query = Query::default();
    for page in [store.exchanges(&query), store.findings(&query)] {
        assert_eq!(page.items[0].outcome.as_deref(), Some("cured"));
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
        store.connection_opened(connection(id));
    }
    store.connection_closed(connection(2));
    store.connection_opened(connection(4));
    store.connection_opened(connection(5));
    let page = store.connections(&Query::default());
    let held: Vec<u64> = page.items.iter().map(|connection| connection.id).collect();
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
        store.connection_opened(connection(id));
    }
    store.connection_updated(connection(1));
    store.connection_closed(connection(1));
    assert_eq!(store.connections(&Query::default()).items[0].id, 2);
    assert!(metrics.render().contains("wrongway_connections_open 3\n"));
}

#[test]
fn a_connection_is_counted_once_when_its_facts_are_known() {
    let (mut store, metrics) = store(SMALL);
    let mut unknown = connection(1);
    unknown.role = None;
    store.connection_opened(unknown);
    assert!(!metrics.render().contains("wrongway_connections_total{"));
    store.connection_updated(connection(1));
    store.connection_updated(connection(1));
    store.connection_closed(connection(1));
    let sample =
        "wrongway_connections_total{library=\"libssl.so.3\",role=\"server\",sni_provenance=\"object\"} 1\n";
    assert!(metrics.render().contains(sample), "{}", metrics.render());
}

#[test]
fn a_connection_that_closes_unknown_is_counted_as_such() {
    let (mut store, metrics) = store(SMALL);
    let mut unknown = connection(1);
    unknown.role = None;
    unknown.process.library = None;
    unknown.provenance.sni = None;
    store.connection_opened(unknown.clone());
    store.connection_closed(unknown);
    let sample =
        "wrongway_connections_total{library=\"unknown\",role=\"unknown\",sni_provenance=\"unknown\"} 1\n";
    assert!(metrics.render().contains(sample), "{}", metrics.render());
}

#[test]
fn closing_keeps_the_last_facts() {
    let (mut store, _) = store(SMALL);
    store.connection_opened(connection(1));
    let mut last = connection(1);
    last.requests = 7;
    store.connection_closed(last);
    let page = store.connections(&Query::default());
    assert_eq!((page.items[0].open, page.items[0].requests), (false, 7));
}

#[test]
fn a_full_summary_counts_the_rest_in_one_line() {
    let (mut store, metrics) = store(SMALL);
    for id in 1..=10 {
        let mut exchange = exchange(id, "ok", "fine");
        exchange.authority = Some(format!("host{id}.example"));
        store.exchange(exchange);
    }
    let page = store.summary(&Query::default());
    let counts: Vec<_> = page
        .items
        .iter()
        .map(|line| (line.verdict.as_str(), line.count))
        .collect();
    assert_eq!(counts, [("ok", 1), ("ok", 1), ("other", 8)]);
    assert!(losses(&metrics).contains(&("summary_full".to_owned(), 8)));
}

#[test]
fn the_summary_begins_with_what_deserves_attention() {
    let (mut store, _) = store(Limits::default());
    let exchanges = [
        ("ok", "fine"),
        ("ok", "fine"),
        ("aborted", "undecided"),
        ("split_421", "correct_421"),
    ];
    for (id, (verdict, class)) in (1..).zip(exchanges) {
        store.exchange(exchange(id, verdict, class));
    }
    let page = store.summary(&Query::default());
    let verdicts: Vec<_> = page.items.iter().map(|line| line.verdict.as_str()).collect();
    assert_eq!(verdicts, ["split_421", "aborted", "ok"]);
}
