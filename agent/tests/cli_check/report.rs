//! The report for a person.

use super::checked::check;
use super::server::{Behaviour, Server, right};

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
