//! Listeners of a Gateway (GEP-3567).

use std::process::Output;

use super::checked::wrongway;
use super::server::{Asked, Behaviour, Reply, Server};

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
