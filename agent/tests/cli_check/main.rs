//! `wrongway check` against servers that do what real ones do, and worse.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod server;

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::Value;

use server::{Asked, Behaviour, Reply, Server};

fn wrongway(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wrongway"))
        .arg("check")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Asks a server for `a.example`, and with further arguments.
fn check(server: &Server, arguments: &[&str]) -> Output {
    let connect = format!("127.0.0.1:{}", server.port);
    let mut all = vec!["https://a.example/", "--connect", &connect];
    all.extend(arguments);
    wrongway(&all)
}

/// What came of it, in JSON.
struct Checked {
    code: Option<i32>,
    objects: Vec<Value>,
}

impl Checked {
    fn of(server: &Server, arguments: &[&str]) -> Self {
        let output = check(server, &[arguments, &["--json"]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let objects = text.lines().map(|line| serde_json::from_str(line).unwrap());
        Self {
            code: output.status.code(),
            objects: objects.collect(),
        }
    }

    fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.objects
            .iter()
            .filter(|object| object["kind"] == kind)
            .collect()
    }

    /// Level and code of every finding.
    fn findings(&self) -> Vec<(&str, &str)> {
        let finding = |object: &&Value| {
            let member = |name: &str| -> Option<String> { Some(object[name].as_str()?.to_owned()) };
            (member("level").unwrap(), member("code").unwrap())
        };
        let mut found: Vec<(String, String)> = self.of_kind("finding").iter().map(finding).collect();
        found.sort();
        found.dedup();
        found
            .into_iter()
            .map(|(level, code)| (&*level.leak(), &*code.leak()))
            .collect()
    }

    /// The answers to one authority on one kind of connection.
    fn answers(&self, protocol: &str, connection: &str, sni: Option<&str>, authority: &str) -> Vec<&Value> {
        let mut answers = self.of_kind("answer");
        answers.retain(|answer| {
            answer["protocol"] == protocol
                && answer["connection"] == connection
                && answer["sni"].as_str() == sni
                && answer["authority"] == authority
        });
        answers
    }

    fn answer(&self, protocol: &str, connection: &str, sni: Option<&str>, authority: &str) -> &Value {
        let answers = self.answers(protocol, connection, sni, authority);
        assert_eq!(answers.len(), 1, "{:#?}", self.objects);
        answers[0]
    }
}

const A: Option<&str> = Some("a.example");
const B: Option<&str> = Some("b.example");

/// Compares strings, as hand-written rules do.
fn strict(asked: &Asked<'_>) -> Reply {
    Reply::Status(if asked.sni == Some(asked.authority) {
        200
    } else {
        421
    })
}

/// Compares names.
fn right(asked: &Asked<'_>) -> Reply {
    let authority = asked.authority.to_ascii_lowercase();
    let (host, _port) = authority.split_once(':').unwrap_or((&authority, ""));
    let host = host.strip_suffix('.').unwrap_or(host);
    Reply::Status(match asked.sni {
        Some(sni) if sni != host => 421,
        _ => 200,
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

#[test]
fn an_alert_for_a_name_is_an_answer() {
    let server = Server::start(Behaviour {
        strict: true,
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &[]);
    assert_eq!((checked.code, checked.findings()), (Some(0), vec![]));
    let answer = checked.answer("h2", "fresh", Some("wrongway-check.invalid"), "a.example");
    assert_eq!(
        (&answer["status"], &answer["verdict"]),
        (&Value::Null, &Value::Null)
    );
    let error = answer["error"].as_str().unwrap();
    assert!(error.contains("the alert access_denied"), "{error}");
}

#[test]
fn a_host_that_is_refused_is_a_problem() {
    let server = Server::start(Behaviour {
        certificates: &[&["b.example"]],
        strict: true,
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &["--also", "b.example"]);
    assert_eq!(
        (checked.code, checked.findings()),
        (
            Some(1),
            vec![("problem", "not_served"), ("problem", "served_uncovered")]
        )
    );
    assert_eq!(checked.answer("h2", "fresh", B, "b.example")["status"], 200);
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
fn a_client_certificate_that_can_be_done_without_elsewhere_is_bypassed() {
    let server = Server::start(Behaviour {
        demands: B,
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &["--also", "b.example"]);
    assert_eq!(checked.code, Some(1));
    assert_eq!(
        checked.findings(),
        [
            ("advice", "client_certificate_demanded"),
            ("problem", "mtls_bypass"),
        ]
    );
    for protocol in ["h2", "http/1.1"] {
        let own = checked.answer(protocol, "fresh", B, "b.example");
        assert_eq!(own["client_certificate_requested"], true);
        let error = own["error"].as_str().unwrap();
        assert!(error.ends_with("the alert certificate_required"), "{error}");
    }
    let certificate = checked.of_kind("certificate")[1];
    assert_eq!(certificate["client_certificate_requested"], true);
}

#[test]
fn a_host_that_demands_a_client_certificate_is_asked_about_on_other_connections() {
    let server = Server::start(Behaviour {
        demands: A,
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &["--also", "b.example"]);
    assert!(checked.findings().contains(&("problem", "mtls_bypass")));
    assert!(
        checked
            .findings()
            .contains(&("advice", "client_certificate_demanded"))
    );
    assert_eq!(
        checked.answer("h2", "fresh", B, "a.example")["verdict"],
        "mtls_bypass"
    );
}

#[rstest]
#[case::only_http1(&["http/1.1"], &["http/1.1"])]
#[case::no_alpn(&[], &["http/1.1"])]
#[case::only_http2(&["h2"], &["h2"])]
fn what_is_not_spoken_is_not_asked(#[case] alpn: &'static [&'static str], #[case] spoken: &[&str]) {
    let server = Server::start(Behaviour {
        alpn,
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &[]);
    assert_eq!((checked.code, checked.findings()), (Some(0), vec![]));
    assert_eq!(
        checked.of_kind("summary")[0]["protocols"],
        serde_json::json!(spoken)
    );
    let answers = checked.of_kind("answer");
    assert!(answers.iter().all(|answer| answer["protocol"] == spoken[0]));
}

#[test]
fn a_server_that_speaks_neither_is_a_problem() {
    let server = Server::start(Behaviour {
        alpn: &["spdy/1"],
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &[]);
    assert_eq!(
        (checked.code, checked.findings()),
        (Some(1), vec![("problem", "not_served")])
    );
}

#[test]
fn a_silent_server_is_given_up_on() {
    let server = Server::start(Behaviour {
        reply: |_| Reply::Silence,
        ..Behaviour::default()
    });
    let started = Instant::now();
    let checked = Checked::of(&server, &["--also", "b.example", "--timeout", "0.2"]);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(
        (checked.code, checked.findings()),
        (Some(1), vec![("problem", "not_served")])
    );
    let answer = checked.answer("http/1.1", "fresh", A, "a.example");
    assert_eq!(answer["error"], "no answer within 0.2 s");
    assert_eq!(answer["verdict"], "aborted");
}

#[test]
fn a_server_that_speaks_no_http_is_a_problem() {
    let server = Server::start(Behaviour {
        garbage: true,
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &[]);
    assert_eq!(
        (checked.code, checked.findings()),
        (Some(1), vec![("problem", "not_served")])
    );
    let answer = checked.answer("http/1.1", "fresh", A, "a.example");
    let error = answer["error"].as_str().unwrap();
    assert!(error.starts_with("the answer is no HTTP"), "{error}");
}

#[test]
fn a_server_without_tls_is_a_problem() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let connect = listener.local_addr().unwrap().to_string();
    // It ends with the test's process.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
        }
    });
    let output = wrongway(&["https://a.example", "--connect", &connect]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("what the server sends is no TLS"), "{text}");
}

#[test]
fn nobody_there_is_told_with_the_address() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let output = wrongway(&["https://a.example", "--connect", &address, "--json"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let expected = format!("cannot connect to {address}: connection refused");
    assert!(error.lines().last().unwrap().contains(&expected), "{error}");
}

#[test]
fn a_host_is_looked_up_and_its_addresses_are_tried_in_turn() {
    let server = Server::start(Behaviour::default());
    // The server listens on 127.0.0.1 alone, and localhost may be ::1 as well.
    let connect = format!("localhost:{}", server.port);
    let output = wrongway(&["https://a.example", "--connect", &connect, "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains(&format!("\"address\":\"127.0.0.1:{}\"", server.port)),
        "{text}"
    );
}

#[test]
fn a_name_that_is_nowhere_is_told() {
    let output = wrongway(&["https://a.example", "--connect", "nowhere.invalid"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    let line = error.lines().last().unwrap();
    assert!(line.contains("cannot look up nowhere.invalid: "), "{error}");
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

/// Listeners of GEP-3567, conforming for every pair.
fn gateway(asked: &Asked<'_>) -> Reply {
    let listener = |name: Option<&str>| match name {
        Some("second-example.org") => 1,
        Some("fourth-example.wildcard.org") => 2,
        Some(name) if name.ends_with(".wildcard.org") => 3,
        _ => 4,
    };
    let host = asked.authority.to_ascii_lowercase();
    let host = host.strip_suffix(":443").unwrap_or(&host);
    let host = host.strip_suffix('.').unwrap_or(host);
    Reply::Status(if listener(asked.sni) != listener(Some(host)) {
        421
    } else if host.starts_with("unknown") {
        404
    } else {
        200
    })
}

const GATEWAY: &[&str] = &[
    "--also",
    "second-example.org",
    "--also",
    "third-example.wildcard.org",
    "--also",
    "fourth-example.wildcard.org",
    "--also",
    "fifth-example.wildcard.org",
    "--also",
    "unknown-example.org",
    "--listener",
    "*",
    "--listener",
    "second-example.org",
    "--listener",
    "*.wildcard.org",
    "--listener",
    "fourth-example.wildcard.org",
];

fn gateway_of(reply: fn(&Asked<'_>) -> Reply) -> (Server, Output) {
    let server = Server::start(Behaviour {
        certificates: &[&["*.org", "*.wildcard.org"]],
        reply,
        ..Behaviour::default()
    });
    let connect = format!("127.0.0.1:{}", server.port);
    let mut arguments = vec!["https://example.org/", "--connect", &connect];
    arguments.extend(GATEWAY);
    let output = wrongway(&arguments);
    (server, output)
}

#[test]
fn a_gateway_that_conforms_has_no_problem() {
    let (_server, output) = gateway_of(gateway);
    let text = String::from_utf8(output.stdout).unwrap();
    let table: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("Fresh connections over h2"))
        .take_while(|line| !line.is_empty())
        .collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    Fresh connections over h2: SNI downwards, authority across (GEP-3567)
      SNI                          1    2    3    4    5    6
      example.org                  200  421  421  421  421  404
      second-example.org           421  200  421  421  421  421
      third-example.wildcard.org   421  421  200  421  200  421
      fourth-example.wildcard.org  421  421  421  200  421  421
      fifth-example.wildcard.org   421  421  200  421  200  421
      unknown-example.org          200  421  421  421  421  404
      -                            200  421  421  421  421  404
      wrongway-check.invalid       200  421  421  421  421  404
      1: example.org
      2: second-example.org
      3: third-example.wildcard.org
      4: fourth-example.wildcard.org
      5: fifth-example.wildcard.org
      6: unknown-example.org
    "#);
    assert_eq!(output.status.code(), Some(0), "{text}");
}

#[test]
fn a_gateway_that_answers_404_is_told_what_was_expected() {
    let (_server, output) = gateway_of(|asked| match gateway(asked) {
        Reply::Status(421) => Reply::Status(404),
        reply => reply,
    });
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("  404!  "), "{text}");
    assert!(
        text.contains("belong to different listeners, and the answer is 404 instead of 421"),
        "{text}"
    );
}

#[test]
fn the_report_for_a_person() {
    let server = Server::start(Behaviour {
        reply: right,
        ..Behaviour::default()
    });
    let output = check(&server, &["--also", "b.example"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let port = format!("127.0.0.1:{}", server.port);
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.replace(&port, "ADDRESS").chars().take(118).collect())
        .map(|line: String| line.split(" questions in ").next().unwrap().trim_end().to_owned())
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    https://a.example/ at ADDRESS

    Certificates
      SNI                     COVERS  ALPN  TLS      ASKS FOR ONE  NAMES
      a.example               2 of 2  h2    TLSv1.3  no            *.example
      b.example               2 of 2  h2    TLSv1.3  no            *.example
      -                       2 of 2  h2    TLSv1.3  no            *.example
      wrongway-check.invalid  2 of 2  h2    TLSv1.3  no            *.example

    One connection over h2, one request after the other
      SNI        AUTHORITY      STATUS  VERDICT        NOTE
      a.example  a.example         200  ok
      a.example  b.example         421  coalesced_421
      a.example  A.EXAMPLE         200  ok
      a.example  a.example.        200  ok
      a.example  a.example:443     200  ok

    Fresh connections over h2: SNI downwards, authority across (GEP-3567)
      SNI                     a.example          b.example
      a.example               200 ok             421 split_421
      b.example               421 split_421      200 ok
      -                       200 no_sni_served  200 no_sni_served
      wrongway-check.invalid  421 split_421      421 split_421

    One connection over http/1.1, one request after the other
      SNI        AUTHORITY      STATUS  VERDICT         NOTE
      a.example  a.example         200  ok
      a.example  b.example         421  pool_bleed_421
      a.example  A.EXAMPLE         200  ok
      a.example  a.example.        200  ok
      a.example  a.example:443     200  ok

    Fresh connections over http/1.1: SNI downwards, authority across (GEP-3567)
      SNI                     a.example          b.example
      a.example               200 ok             421 split_421
      b.example               421 split_421      200 ok
      -                       200 no_sni_served  200 no_sni_served
      wrongway-check.invalid  421 split_421      421 split_421

    What helps where a name did not work
      b.example on the shared connection for a.example, over h2: 421
        Helps: a fresh connection with SNI b.example; HTTP/1.1 with SNI b.example. Does not help: a fresh connection with
      b.example on the shared connection for a.example, over http/1.1: 421
        Helps: a fresh connection with SNI b.example. Does not help: a fresh connection with SNI a.example. So it is the c

    advice coalesced_421: b.example on a connection for a.example, over h2
      what   The connection was made for "a.example", carried requests for "a.example", and was then used for "b.example"
      remedy Nothing, if the client retries: Chrome and Firefox do once, at the price of a round trip; curl, Go, Deno and

    0 problems, 1 piece of advice; 26
    "#);
    let progress = String::from_utf8(output.stderr).unwrap();
    assert!(progress.lines().count() >= 5, "{progress}");
}

#[test]
fn hostile_names_cannot_steer_the_terminal() {
    let server = Server::start(Behaviour {
        certificates: &[&["*.example", "\u{1b}[2J.example"]],
        ..Behaviour::default()
    });
    let output = check(&server, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(text.contains("\u{fffd}[2J.example"), "{text}");
}

#[rstest]
#[case::clear_text(&["http://a.example"], "is not https but http")]
#[case::no_scheme(&["a.example"], "write https://a.example")]
#[case::no_url(&[], "<URL>")]
#[case::port_of_a_name(&["https://a.example", "--also", "b.example:8443"], "the port is always the URL's")]
#[case::no_time(&["https://a.example", "--timeout", "0"], "more than 0")]
#[case::no_listener(&["https://a.example", "--listener", "a..b"], "*.example.org")]
fn usage_errors_exit_with_2(#[case] arguments: &[&str], #[case] message: &str) {
    let output = wrongway(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains(message), "{error}");
}

#[test]
fn too_many_names_are_told() {
    let names: Vec<String> = (0..16).map(|number| format!("n{number}.example")).collect();
    let mut arguments = vec!["https://a.example"];
    for name in &names {
        arguments.extend(["--also", name]);
    }
    let output = wrongway(&arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("17 names are more than 16"), "{error}");
}
