//! Worked examples.

use std::collections::HashSet;

use serde_json::{Value, json};
use wrongway::verdict::{Learned, Verdict};

use super::answers;

#[test]
fn every_worked_example_has_its_verdict() {
    let mut failures = Vec::new();
    for (line, verdict) in csv() {
        let answer = &answers(&line.to_string())[0];
        if answer["verdict"] != verdict {
            failures.push(format!("{line}\n  expected {verdict}, got {answer}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_case_has_its_verdict_and_confidence() {
    for case in cases() {
        let answer = &answers(&case["line"].to_string())[0];
        assert_eq!(answer["verdict"], case["verdict"], "{}: {answer}", case["case"]);
        assert_eq!(
            answer["confidence"], case["confidence"],
            "{}: {answer}",
            case["case"]
        );
    }
}

#[test]
fn every_verdict_has_an_example() {
    let mut reached: HashSet<String> = csv().into_iter().map(|(_, verdict)| verdict).collect();
    reached.extend(
        cases()
            .iter()
            .filter_map(|case| case["verdict"].as_str().map(str::to_owned)),
    );
    for verdict in Verdict::ALL {
        assert!(reached.contains(verdict.as_str()), "no example for {verdict}");
    }
}

#[test]
fn explanations_name_what_was_seen() {
    for (line, verdict) in csv() {
        let answer = &answers(&line.to_string())[0];
        let diagnosis = answer["diagnosis"].as_str().unwrap();
        for field in ["verdict", "class", "confidence", "basis", "diagnosis", "remedy"] {
            assert!(
                answer[field].as_str().is_some_and(|text| !text.is_empty()),
                "{field} of {answer}"
            );
        }
        let text = format!("{diagnosis} {}", answer["remedy"].as_str().unwrap());
        assert!(!text.contains("  ") && !text.contains(" ."), "{verdict}: {text}");
        let asked = line["authority"].as_str().or(line["host"][0].as_str());
        if let (Some(asked), false) = (asked, verdict.starts_with("malformed") || verdict == "ok") {
            let host = asked.to_lowercase();
            assert!(
                diagnosis.contains(&host),
                "{verdict} does not name {host}: {diagnosis}"
            );
        }
    }
}

/// The examples of `vectors.csv` as lines, each with its verdict.
fn csv() -> Vec<(Value, String)> {
    let rows = include_str!("../data/vectors.csv").lines().skip(1);
    rows.map(|row| {
        let cells: Vec<_> = row.split(',').collect();
        let [sni, names, authority, protocol, status, context, verdict] = cells[..] else {
            panic!("seven cells, not {}: {row}", cells.len());
        };
        (
            line(sni, names, authority, protocol, status, context),
            verdict.to_owned(),
        )
    })
    .collect()
}

fn line(sni: &str, names: &str, authority: &str, protocol: &str, status: &str, context: &str) -> Value {
    let multiplexed = protocol.starts_with('h') && !protocol.starts_with("http");
    let named = (authority != "-").then_some(authority);
    let has = |word: &str| context.split(' ').any(|found| found == word);

    let in_target = multiplexed || has("absolute-form") || has("CONNECT");
    let mut host: Vec<&str> = context
        .split(' ')
        .filter_map(|word| word.strip_prefix("Host="))
        .collect();
    if !multiplexed {
        host.extend(named);
    }
    let mut words = context.split(' ');
    let prior: Vec<_> = match words.by_ref().find(|word| word.starts_with('#')) {
        Some(_) => words.next().into_iter().collect(),
        None => vec![],
    };
    let learned: Vec<_> = context
        .split(' ')
        .filter(|word| Learned::NAMES.contains(word))
        .collect();
    let sni_state = match sni {
        "?" => "unknown",
        "-" => "absent",
        _ if context == "ECH outer only" => "outer_only",
        _ => "sent",
    };
    json!({
        "sni": (sni != "?" && sni != "-").then_some(sni),
        "sni_state": sni_state,
        "certificate_names": (names != "?").then(|| names.split(';').collect::<Vec<_>>()),
        "authority": named.filter(|_| in_target),
        "host": host,
        "protocol": protocol,
        "method": if has("CONNECT") { "CONNECT" } else { "GET" },
        "extended_connect": false,
        "status": status.parse::<u16>().unwrap(),
        "tls": context != "no TLS",
        "prior_authorities": prior,
        "facts": learned,
    })
}

fn cases() -> Vec<Value> {
    let lines = include_str!("../data/cases.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}
