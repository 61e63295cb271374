//! Answers to names, and what is said of them.

use serde_json::Value;

use super::checked::{A, Checked, wrongway};
use super::server::{Asked, Behaviour, Reply, Server, right};

/// Compares strings, as hand-written rules do.
fn strict(asked: &Asked<'_>) -> Reply {
    Reply::Status(if asked.sni == Some(asked.authority) {
        200
    } else {
        421
    })
}

#[test]
fn a_server_with_one_name_has_nothing_wrong() {
    let server = Server::start(Behaviour::default());
    let checked = Checked::of(&server, &[]);
    assert_eq!(
        (checked.code, checked.findings()),
        (Some(0), vec![]),
        "{:#?}",
        checked.objects
    );
    let summary = checked.of_kind("summary")[0];
    assert_eq!(summary["protocols"], serde_json::json!(["h2", "http/1.1"]));
    assert_eq!(summary["address"], format!("127.0.0.1:{}", server.port));
    assert_eq!(summary["not_asked"], 0);
    let certificate = &checked.of_kind("certificate")[0];
    assert_eq!(certificate["covers"], serde_json::json!(["a.example"]));
    assert_eq!(certificate["tls_version"], "TLSv1.3");
    assert_eq!(certificate["alpn"], "h2");
}

#[test]
fn the_silent_case_is_a_problem() {
    let server = Server::start(Behaviour {
        certificates: &[&["a.example"], &["b.example"]],
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &["--also", "b.example"]);
    assert_eq!(checked.code, Some(1));
    assert_eq!(checked.findings(), [("problem", "served_uncovered")]);
    let answer = checked.answer("h2", "shared", A, "b.example");
    assert_eq!(answer["prior_authorities"], serde_json::json!(["a.example"]));
    assert_eq!(answer["certificate_names"], serde_json::json!(["a.example"]));
}

#[test]
fn strings_that_are_compared_are_found_out() {
    let server = Server::start(Behaviour {
        reply: strict,
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &["--also", "b.example"]);
    assert_eq!(checked.code, Some(1));
    assert_eq!(
        checked.findings(),
        [
            ("advice", "coalesced_421"),
            ("advice", "no_sni_421"),
            ("problem", "false_421"),
        ]
    );
    for authority in ["A.EXAMPLE", "a.example.", "a.example:443"] {
        for protocol in ["h2", "http/1.1"] {
            let answer = checked.answer(protocol, "shared", A, authority);
            assert_eq!(answer["verdict"], "false_421", "{authority} over {protocol}");
        }
    }
}

#[test]
fn a_421_for_another_name_is_right_and_its_cure_is_measured() {
    let server = Server::start(Behaviour {
        reply: right,
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &["--also", "b.example"]);
    assert_eq!(
        (checked.code, checked.findings()),
        (Some(0), vec![("advice", "coalesced_421")])
    );
    let remedied = checked.of_kind("remedied");
    let of = |protocol: &str| {
        *remedied
            .iter()
            .find(|remedied| remedied["protocol"] == protocol)
            .unwrap()
    };
    let over_h2 = of("h2");
    assert_eq!(over_h2["fresh_connection"], false);
    assert_eq!(over_h2["right_sni"], true);
    assert_eq!(over_h2["http1"], false);
    assert_eq!(over_h2["http1_right_sni"], true);
    assert_eq!(over_h2["family"], "connection_reuse");
    assert!(of("http/1.1")["http1"].is_null());
}

#[test]
fn a_missing_name_is_cured_by_the_right_sni() {
    let server = Server::start(Behaviour {
        reply: |asked| Reply::Status(if asked.sni.is_some() { 200 } else { 421 }),
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &[]);
    assert_eq!(
        (checked.code, checked.findings()),
        (Some(0), vec![("advice", "no_sni_421")])
    );
    let remedied = checked.of_kind("remedied")[0];
    assert_eq!(
        (&remedied["sni"], &remedied["sni_state"]),
        (&Value::Null, &"absent".into())
    );
    assert_eq!(remedied["right_sni"], true);
    assert_eq!(remedied["family"], "configuration");
}

/// As Apache 2.4.71 does over HTTP/1.1.
#[test]
fn a_server_that_closes_after_a_421_is_asked_on_another_connection_that_was_used_before() {
    let server = Server::start(Behaviour {
        reply: |asked| match right(asked) {
            Reply::Status(421) => Reply::Closing(421),
            reply => reply,
        },
        ..Behaviour::default()
    });
    let also = ["--also", "b.example", "--also", "c.example"];
    let checked = Checked::of(&server, &also);
    for (authority, reopened) in [("b.example", false), ("c.example", true), ("A.EXAMPLE", true)] {
        let answer = checked.answer("http/1.1", "shared", A, authority);
        assert_eq!(answer["reopened"], reopened, "{answer}");
        assert_eq!(answer["prior_authorities"], serde_json::json!(["a.example"]));
    }
    let answer = checked.answer("http/1.1", "shared", A, "c.example");
    assert_eq!(answer["verdict"], "pool_bleed_421");
    let answer = checked.answer("h2", "shared", A, "c.example");
    assert_eq!(
        (&answer["reopened"], &answer["verdict"]),
        (&false.into(), &"coalesced_421".into())
    );
}

#[test]
fn redirects_are_not_followed_and_the_path_is_asked_for() {
    let server = Server::start(Behaviour {
        reply: |_| Reply::Status(302),
        alpn: &["http/1.1"],
        ..Behaviour::default()
    });
    let connect = format!("127.0.0.1:{}", server.port);
    let output = wrongway(&["https://a.example/health?full=1", "--connect", &connect]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let requests = server.requests.lock().unwrap();
    assert!(!requests.is_empty());
    assert!(
        requests
            .iter()
            .all(|request| request == "GET /health?full=1 HTTP/1.1"),
        "{requests:?}"
    );
}

#[test]
fn bodies_are_bounded() {
    let server = Server::start(Behaviour {
        reply: |asked| {
            Reply::Long(if asked.protocol == "h2" {
                200_000
            } else {
                2_000_000
            })
        },
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &["--also", "b.example"]);
    assert_eq!(checked.code, Some(0), "{:#?}", checked.objects);
    let over_h2 = checked.answer("h2", "shared", A, "b.example");
    assert_eq!(over_h2["verdict"], "coalesced_ok");
    let over_http1 = checked.answer("http/1.1", "shared", A, "b.example");
    assert!(over_http1["verdict"].is_null());
    let error = over_http1["error"].as_str().unwrap();
    assert!(error.contains("does not last for a second request"), "{error}");
}
