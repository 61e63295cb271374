//! Worked examples.

use std::collections::HashSet;

use rstest::rstest;
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
            let host = asked.trim_end_matches(":443").to_lowercase();
            assert!(
                diagnosis.contains(&host),
                "{verdict} does not name {host}: {diagnosis}"
            );
        }
    }
}

#[rstest]
#[case::no_sni(
    r#"{"sni_state":"absent","certificate_names":["x"],"host":["a.ex.org"],"protocol":"http/1.1","status":421}"#,
    &["proxy_ssl_server_name on; proxy_ssl_name $host;", "sni req.hdr(host)", "SSLVHostSNIPolicy authonly"]
)]
#[case::address_without_sni(
    r#"{"sni_state":"absent","certificate_names":["x"],"host":["10.0.0.7"],"protocol":"http/1.1","status":421}"#,
    &["an address cannot be sent as SNI"]
)]
#[case::port(
    r#"{"sni":"a.ex.org","certificate_names":["a.ex.org"],"host":["a.ex.org:8443"],"protocol":"http/1.1","status":421}"#,
    &["The request says \"a.ex.org:8443\": the port", "split off the port"]
)]
#[case::trailing_dot_of_the_sni(
    r#"{"sni":"a.ex.org.","certificate_names":["a.ex.org"],"host":["a.ex.org"],"protocol":"http/1.1","status":421}"#,
    &["The SNI says \"a.ex.org.\": the trailing dot"]
)]
#[case::settings_frozen_across_a_reload(
    r#"{"sni":"a.ex.org","certificate_names":["a.ex.org"],"authority":"a.ex.org","protocol":"h2","status":421}"#,
    &["configuration changed after the connection was made", "let connections from before end"]
)]
#[case::allow_list_behind_a_terminator(
    r#"{"sni":"mcp.ex.org","certificate_names":["mcp.ex.org"],"host":["mcp.ex.org"],"protocol":"http/1.1","status":421}"#,
    &["an application behind this server", "add \"mcp.ex.org\" to its list of allowed hosts"]
)]
#[case::other_applications_answer(
    r#"{"sni":"a.ex.org","certificate_names":["*.ex.org"],"authority":"b.ex.org","protocol":"h2","status":200,
        "prior_authorities":["a.ex.org"],"facts":["wrong_backend"]}"#,
    &["another name's backend answered 200", "Where TLS is passed through by SNI", "separate certificates"]
)]
#[case::pool(
    r#"{"sni":"a.ex.org","host":["b.ex.org"],"protocol":"http/1.1","status":421,"prior_authorities":["a.ex.org"]}"#,
    &["carried requests for \"a.ex.org\"", "key its pool by SNI, or switch upstream keep-alive off"]
)]
#[case::rebinding_guard(
    r#"{"host":["mcp.ex.org"],"protocol":"http/1.1","status":421,"tls":false}"#,
    &["DNS rebinding", "add \"mcp.ex.org\" to its list of allowed hosts", "httpGet.httpHeaders"]
)]
#[case::coalescing(
    r#"{"sni":"a.ex.org","certificate_names":["*.ex.org"],"authority":"b.ex.org","protocol":"h2","status":421,
        "prior_authorities":["a.ex.org"]}"#,
    &["identical TLS settings", "ORIGIN", "separate certificates or separate addresses", "last resort"]
)]
#[case::lost_with_the_compression_state(
    r#"{"sni":"a.ex.org","authority":null,"protocol":"h2","status":200,"unknown":["authority"]}"#,
    &["compression state", "wrongway_losses_total"]
)]
#[case::outer_name(
    r#"{"sni":"public.cdn","sni_state":"outer_only","authority":"b.ex.org","protocol":"h2","status":421}"#,
    &["the outer name \"public.cdn\"", "decrypts the ClientHello"]
)]
fn explanations_say_what_helps(#[case] line: &str, #[case] told: &[&str]) {
    let answer = &answers(&line.replace('\n', " "))[0];
    let text = format!("{} {}", answer["diagnosis"], answer["remedy"]).replace("\\\"", "\"");
    for words in told {
        assert!(text.contains(words), "{words} is not in: {text}");
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
    let asked = (authority != "-").then_some(authority);
    let has = |word: &str| context.split(' ').any(|found| found == word);

    let in_target = multiplexed || has("absolute-form") || has("CONNECT");
    let mut host: Vec<&str> = context
        .split(' ')
        .filter_map(|word| word.strip_prefix("Host="))
        .collect();
    if !multiplexed {
        host.extend(asked);
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
        "authority": asked.filter(|_| in_target),
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
