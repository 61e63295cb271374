use std::collections::HashSet;

use super::super::testing::exchange;
use super::*;
use crate::connection::{Process, ServerName};
use crate::verdict::Verdict;

/// Name, labels, value.
type Sample = (String, Vec<(String, String)>, f64);

/// Reads one line of the text format, and panics on anything that is no sample.
fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
        "{line}"
    );
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, value) = rest.split_once("=\"").unwrap();
            let mut text = String::new();
            let mut characters = value.char_indices();
            let closing = loop {
                match characters.next().unwrap() {
                    (index, '"') => break index,
                    (_, '\\') => match characters.next().unwrap().1 {
                        'n' => text.push('\n'),
                        c @ ('\\' | '"') => text.push(c),
                        other => panic!("\\{other} is no escape: {line}"),
                    },
                    (_, c) => text.push(c),
                }
            };
            labels.push((label.to_owned(), text));
            rest = &value[closing + 1..];
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').unwrap();
    }
    let value = rest.strip_prefix(' ').unwrap().parse().unwrap();
    (name.to_owned(), labels, value)
}

fn samples(metrics: &Metrics) -> Vec<Sample> {
    let text = metrics.render();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(sample).collect()
}

fn value(metrics: &Metrics, line_start: &str) -> f64 {
    let text = metrics.render();
    let line = text.lines().find(|line| line.starts_with(line_start));
    sample(line.unwrap_or_else(|| panic!("no {line_start} in {text}"))).2
}

#[test]
fn every_name_of_the_contract_is_there_from_the_start() {
    let text = Metrics::new().render();
    for (name, kind) in [
        ("wrongway_exchanges_total", "counter"),
        ("wrongway_findings_total", "counter"),
        ("wrongway_421_outcomes_total", "counter"),
        ("wrongway_connections_total", "counter"),
        ("wrongway_connections_open", "gauge"),
        ("wrongway_coverage_processes", "gauge"),
        ("wrongway_client_hellos_total", "counter"),
        ("wrongway_joins_total", "counter"),
        ("wrongway_losses_total", "counter"),
        ("wrongway_probe_hits_total", "counter"),
        ("wrongway_alerts_total", "counter"),
        ("wrongway_policy_reloads_total", "counter"),
        ("wrongway_policy_last_reload_successful", "gauge"),
        ("wrongway_policy_last_reload_success_timestamp_seconds", "gauge"),
        ("wrongway_build_info", "gauge"),
    ] {
        let header = format!("# TYPE {name} {kind}\n");
        assert_eq!(text.matches(&header).count(), 1, "{header} in {text}");
    }
}

#[test]
fn known_labels_start_at_zero() {
    let metrics = Metrics::new();
    metrics.expect_verdicts(["split_421"]);
    for line in [
        "wrongway_losses_total{reason=\"ring_full\",stage=\"kernel\"} ",
        "wrongway_losses_total{reason=\"short_record\",stage=\"decode\"} ",
        "wrongway_losses_total{reason=\"role_conflict\",stage=\"connection\"} ",
        "wrongway_losses_total{reason=\"gap\",stage=\"http\"} ",
        "wrongway_probe_hits_total{probe=\"SSL_read_ex\"} ",
        "wrongway_421_outcomes_total{outcome=\"cured\"} ",
        "wrongway_exchanges_total{protocol=\"h2\",role=\"client\",verdict=\"split_421\"} ",
    ] {
        assert!(value(&metrics, line).abs() < f64::EPSILON, "{line}");
    }
}

#[test]
fn unknown_facts_have_a_word_of_their_own() {
    let metrics = Metrics::new();
    let mut unknown = exchange(1, Verdict::Unattributed421);
    unknown.authority = None;
    let facts = Arc::make_mut(&mut unknown.connection);
    facts.role = None;
    facts.name = ServerName::Unknown;
    facts.name_source = None;
    facts.process = Arc::new(Process::default());
    metrics.connection(facts);
    metrics.finding(&unknown);
    let line = "wrongway_findings_total{authority=\"unknown\",server=\"unknown\",sni=\"unknown\",verdict=\"unattributed_421\"} 1\n";
    assert!(metrics.render().contains(line));
    let line =
        "wrongway_connections_total{library=\"unknown\",role=\"unknown\",sni_provenance=\"unknown\"} 1\n";
    assert!(metrics.render().contains(line));
}

#[test]
fn a_421_is_counted_with_its_outcome() {
    let metrics = Metrics::new();
    metrics.exchange(&exchange(1, Verdict::Split421));
    for line in [
        "wrongway_exchanges_total{protocol=\"h2\",role=\"server\",verdict=\"split_421\"} 1\n",
        "wrongway_421_outcomes_total{outcome=\"not_observable\"} 1\n",
    ] {
        assert!(metrics.render().contains(line), "{line}");
    }
}

#[test]
fn hostile_names_keep_the_exposition_well_formed() {
    let metrics = Metrics::new();
    for name in [
        "a\"} 1\nwrongway_exchanges_total 99".to_owned(),
        "\\".repeat(300),
        "x".repeat(10_240),
        "\u{0}\r\u{1b}[0m\u{85}".to_owned(),
    ] {
        let mut hostile = exchange(1, Verdict::Split421);
        hostile.authority = Some(name.as_str().into());
        let facts = Arc::make_mut(&mut hostile.connection);
        facts.process = Arc::new(Process {
            exe: Some(format!("/tmp/{name}")),
            library: Some(name.clone()),
            ..Process::default()
        });
        facts.name = ServerName::Sent(name);
        metrics.connection(facts);
        metrics.exchange(&hostile);
        metrics.finding(&hostile);
    }
    let findings: Vec<_> = samples(&metrics)
        .into_iter()
        .filter(|(name, ..)| name == "wrongway_findings_total")
        .collect();
    assert_eq!(findings.len(), 4);
    for (_, labels, count) in findings {
        assert!((count - 1.0).abs() < f64::EPSILON);
        assert!(
            labels
                .iter()
                .all(|(_, value)| value.chars().count() <= 255 && !value.contains('\n'))
        );
    }
    assert!(!metrics.render().contains("\nwrongway_exchanges_total 99"));
}

#[test]
fn findings_beyond_the_bound_share_one_name() {
    let metrics = Metrics::new();
    for id in 0..1_000 {
        let mut finding = exchange(id, Verdict::Split421);
        finding.authority = Some(format!("host{id}.example").into());
        metrics.finding(&finding);
    }
    let findings: Vec<_> = samples(&metrics)
        .into_iter()
        .filter(|(name, ..)| name == "wrongway_findings_total")
        .collect();
    assert_eq!(findings.len(), MAX_FINDING_NAMES + 1);
    let other = "wrongway_findings_total{authority=\"other\",server=\"other\",sni=\"other\",verdict=\"split_421\"} 800\n";
    assert!(metrics.render().contains(other));
}

#[test]
fn totals_kept_elsewhere_never_fall() {
    let metrics = Metrics::new();
    let line = "wrongway_losses_total{reason=\"ring_full\",stage=\"kernel\"} ";
    for (total, shown) in [(5, 5.0), (3, 5.0), (5, 5.0), (9, 9.0)] {
        metrics.set_losses("kernel", "ring_full", total);
        assert!((value(&metrics, line) - shown).abs() < f64::EPSILON);
    }
    metrics.set_probe_hits("SSL_read", 7);
    metrics.set_probe_hits("SSL_read", 1);
    let hits = value(&metrics, "wrongway_probe_hits_total{probe=\"SSL_read\"} ");
    assert!((hits - 7.0).abs() < f64::EPSILON);
}

#[test]
fn totals_kept_elsewhere_survive_concurrent_scrapes() {
    let metrics = Metrics::new();
    metrics.before_scrape(|metrics| metrics.set_losses("kernel", "ring_full", 1_000));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| metrics.render());
        }
    });
    let expected = ("kernel".to_owned(), "ring_full".to_owned(), 1_000);
    assert_eq!(metrics.losses(), [expected]);
}

#[test]
fn coverage_is_replaced_as_a_whole() {
    let metrics = Metrics::new();
    let line = |library: Option<&str>, visibility: &str, reason: Option<&str>| Coverage {
        process: Process {
            library: library.map(str::to_owned),
            ..Process::default()
        },
        family: "openssl".to_owned(),
        visibility: visibility.to_owned(),
        reason: reason.map(str::to_owned),
        functions: Vec::new(),
        offsets: Vec::new(),
    };
    let full = line(Some("/usr/lib/libssl.so.3"), "full", None);
    metrics.set_coverage(&[
        full.clone(),
        full.clone(),
        line(None, "nothing", Some("no symbols")),
    ]);
    metrics.set_coverage(&[full, line(None, "nothing", Some("gone"))]);
    let coverage: HashSet<String> = metrics
        .render()
        .lines()
        .filter(|line| line.starts_with("wrongway_coverage_processes{"))
        .map(str::to_owned)
        .collect();
    let expected = [
        "wrongway_coverage_processes{library=\"libssl.so.3\",reason=\"none\",visibility=\"full\"} 1",
        "wrongway_coverage_processes{library=\"openssl\",reason=\"gone\",visibility=\"nothing\"} 1",
    ];
    assert_eq!(coverage, HashSet::from(expected.map(str::to_owned)));
}
