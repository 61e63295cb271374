//! `wrongway inspect` as a user runs it, against an agent's control socket with fixed data.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use wrongway::export::Shared;
use wrongway::export::control::{self, ControlSocket};
use wrongway::export::view::{
    Certificate, Connection, Coverage, Exchange, ExchangeConnection, Process, Provenance,
};

struct Agent {
    control: PathBuf,
    shared: Shared,
    _runtime: tokio::runtime::Runtime,
    _directory: TempDir,
}

fn agent() -> Agent {
    let directory = tempfile::tempdir().unwrap();
    let control = directory.path().join("control.sock");
    let socket = ControlSocket::bind(&control).unwrap();
    let shared = Shared::default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.spawn(control::serve(socket, shared.clone()));
    Agent {
        control,
        shared,
        _runtime: runtime,
        _directory: directory,
    }
}

/// Three exchanges: served rightly, misdirected twice, and one of which little is known.
fn agent_with_data() -> Agent {
    let agent = agent();
    let mut store = agent.shared.store();
    let mut served = exchange(1);
    served.authority.clone_from(&served.sni);
    served.status = Some(200);
    served.verdict = "ok".into();
    served.class = "fine".into();
    store.exchange(served);
    store.exchange(exchange(2));
    store.exchange(exchange(3));
    let mut unknown = exchange(4);
    unknown.role = None;
    unknown.authority = None;
    unknown.sni = None;
    unknown.sni_state = "unknown".into();
    unknown.status = None;
    unknown.verdict = "aborted".into();
    unknown.class = "undecided".into();
    unknown.process.exe = None;
    store.exchange(unknown);
    let mut silent = exchange(5);
    silent.sni = None;
    silent.sni_state = "absent".into();
    silent.verdict = "no_sni_421".into();
    silent.protocol = "http/1.1".into();
    store.exchange(silent);
    store.connection_opened(connection(1));
    let mut closed = connection(2);
    store.connection_opened(closed.clone());
    closed.local = None;
    store.connection_closed(closed);
    store.set_coverage(vec![
        coverage("full", None),
        coverage(
            "nothing",
            Some("the library has no symbol SSL_read; install its symbols or wait for a version that needs none"),
        ),
    ]);
    drop(store);
    agent
}

fn process() -> Process {
    Process {
        pid: 4242,
        exe: Some("/usr/sbin/apache2".to_owned()),
        library: Some("/usr/lib/x86_64-linux-gnu/libssl.so.3".to_owned()),
        ..Process::default()
    }
}

fn exchange(id: u64) -> Exchange {
    Exchange {
        id,
        time: format!("2026-01-02T03:04:05.{id:03}999Z"),
        role: Some("server".to_owned()),
        protocol: "h2".to_owned(),
        method: Some("GET".to_owned()),
        authority: Some("b.example".to_owned()),
        sni: Some("a.example".to_owned()),
        sni_state: "sent".to_owned(),
        status: Some(421),
        verdict: "split_421".to_owned(),
        class: "correct_421".to_owned(),
        confidence: "high".to_owned(),
        outcome: None,
        connection: ExchangeConnection::default(),
        certificate: Certificate::default(),
        process: process(),
        provenance: Provenance::default(),
        diagnosis: "the client dialled a.example and asked for b.example".to_owned(),
        remedy: "dial the name that is asked for".to_owned(),
    }
}

fn connection(id: u64) -> Connection {
    Connection {
        id,
        time: "2026-01-02T03:04:05.678901Z".to_owned(),
        open: true,
        role: Some("server".to_owned()),
        protocol: Some("h2".to_owned()),
        sni: Some("a.example".to_owned()),
        sni_state: "sent".to_owned(),
        local: Some("[2001:db8::1]:443".to_owned()),
        peer: Some("127.0.0.1:50000".to_owned()),
        client_random: None,
        version: Some("TLSv1.3".to_owned()),
        resumed: Some(false),
        requests: 12,
        authorities: vec!["a.example".to_owned(), "b.example".to_owned()],
        certificate: Certificate::default(),
        process: process(),
        provenance: Provenance::default(),
    }
}

fn coverage(visibility: &str, reason: Option<&str>) -> Coverage {
    Coverage {
        process: process(),
        family: "openssl".to_owned(),
        visibility: visibility.to_owned(),
        reason: reason.map(str::to_owned),
        functions: vec!["SSL_read".to_owned(), "SSL_write".to_owned()],
        offsets: Vec::new(),
    }
}

impl Agent {
    fn inspect(&self, arguments: &[&str]) -> Output {
        wrongway(arguments)
            .arg("--control")
            .arg(&self.control)
            .output()
            .unwrap()
    }
}

fn wrongway(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wrongway"));
    command.arg("inspect").args(arguments).stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn exchanges_as_a_table() {
    insta::assert_snapshot!(stdout(&agent_with_data().inspect(&["exchanges"])), @r"
    ID  TIME (UTC)    ROLE    PROTOCOL  AUTHORITY  SNI        STATUS  VERDICT     PROGRAM
     1  03:04:05.001  server  h2        a.example  a.example     200  ok          apache2
     2  03:04:05.002  server  h2        b.example  a.example     421  split_421   apache2
     3  03:04:05.003  server  h2        b.example  a.example     421  split_421   apache2
     4  03:04:05.004  ?       h2        ?          ?               ?  aborted     ?
     5  03:04:05.005  server  http/1.1  b.example  -             421  no_sni_421  apache2
    ");
}

#[test]
fn findings_with_each_explanation_once() {
    insta::assert_snapshot!(stdout(&agent_with_data().inspect(&["findings"])), @r"
    ID  TIME (UTC)    ROLE    PROTOCOL  AUTHORITY  SNI        STATUS  VERDICT     PROGRAM
     2  03:04:05.002  server  h2        b.example  a.example     421  split_421   apache2
     3  03:04:05.003  server  h2        b.example  a.example     421  split_421   apache2
     5  03:04:05.005  server  http/1.1  b.example  -             421  no_sni_421  apache2

    #2 split_421 and 1 more like it
      what   the client dialled a.example and asked for b.example
      remedy dial the name that is asked for

    #5 no_sni_421
      what   the client dialled a.example and asked for b.example
      remedy dial the name that is asked for
    ");
}

#[test]
fn the_summary_as_a_table() {
    insta::assert_snapshot!(stdout(&agent_with_data().inspect(&["summary"])), @r"
    COUNT  VERDICT     CLASS        ROLE    AUTHORITY  SNI        PROGRAM  FIRST     LAST
        2  split_421   correct_421  server  b.example  a.example  apache2  03:04:05  03:04:05
        1  no_sni_421  correct_421  server  b.example  -          apache2  03:04:05  03:04:05
        1  aborted     undecided    ?       ?          ?          ?        03:04:05  03:04:05
        1  ok          fine         server  a.example  a.example  apache2  03:04:05  03:04:05
    ");
}

#[test]
fn connections_as_a_table() {
    insta::assert_snapshot!(stdout(&agent_with_data().inspect(&["connections"])), @r"
    ID  SINCE (UTC)   STATE   ROLE    PROTOCOL  SNI        LOCAL              PEER             REQUESTS  PROGRAM   PID
     1  03:04:05.678  open    server  h2        a.example  [2001:db8::1]:443  127.0.0.1:50000        12  apache2  4242
     2  03:04:05.678  closed  server  h2        a.example  ?                  127.0.0.1:50000        12  apache2  4242
    ");
}

#[test]
fn coverage_as_a_table() {
    insta::assert_snapshot!(stdout(&agent_with_data().inspect(&["coverage"])), @r"
     PID  PROGRAM  FAMILY   LIBRARY                                VISIBILITY  FUNCTIONS  REASON
    4242  apache2  openssl  /usr/lib/x86_64-linux-gnu/libssl.so.3  full                2
    4242  apache2  openssl  /usr/lib/x86_64-linux-gnu/libssl.so.3  nothing             2  the library has no symbol SSL_read; install its symbols or wait for a version that needs none
    ");
}

#[test]
fn json_is_the_contracts_objects_one_a_line() {
    let output = agent_with_data().inspect(&["exchanges", "--json", "--verdict", "split_421"]);
    let exchanges: Vec<Exchange> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(exchanges, [exchange(2), exchange(3)]);
    assert_eq!(stderr(&output), "");
}

#[test]
fn unknown_is_null_in_json() {
    let output = agent_with_data().inspect(&["exchanges", "--json", "--class", "undecided"]);
    let exchange: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    for member in ["role", "authority", "sni", "status"] {
        assert!(exchange[member].is_null(), "{member}");
    }
}

#[test]
fn filters_that_match_nothing_say_so() {
    let output = agent_with_data().inspect(&["findings", "--sni", "c.example"]);
    assert_eq!(stdout(&output), "");
    assert_eq!(stderr(&output), "nothing matches these filters\n");
}

#[test]
fn an_agent_that_saw_nothing_says_where_to_look() {
    let agent = agent();
    let expected = [
        (
            "summary",
            "no exchanges yet; 'wrongway inspect coverage' shows which programs are observed\n",
        ),
        (
            "findings",
            "no findings; 'wrongway inspect summary' shows what was judged\n",
        ),
        ("coverage", "no running program is known to speak TLS\n"),
    ];
    for (view, message) in expected {
        let output = agent.inspect(&[view]);
        assert_eq!(
            (stdout(&output).as_str(), stderr(&output).as_str()),
            ("", message)
        );
    }
}

#[test]
fn the_limit_and_losses_are_mentioned() {
    let agent = agent_with_data();
    agent.shared.metrics().loss("kernel", "ring_full", 3);
    let output = agent.inspect(&["exchanges", "--limit", "2"]);
    assert_eq!(stdout(&output).lines().count(), 3);
    assert_eq!(
        stderr(&output),
        "2 of 5 shown; more with --limit 5\nseen but not kept: 3 kernel ring_full\n"
    );
}

#[test]
fn hostile_names_cannot_steer_the_terminal() {
    let agent = agent();
    let mut hostile = exchange(1);
    hostile.authority = Some(format!("\u{1b}[2J\n{}", "x".repeat(10_000)));
    hostile.diagnosis = "\u{1b}]0;title\u{7}".into();
    agent.shared.store().exchange(hostile);
    let text = stdout(&agent.inspect(&["findings"]));
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    assert_eq!(text.lines().count(), 6, "{text}");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let agent = agent();
    for id in 0..5_000 {
        agent.shared.store().exchange(exchange(id));
    }
    let mut child = wrongway(&["exchanges", "--json", "--limit", "5000", "--control"])
        .arg(&agent.control)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let agent = agent_with_data();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = wrongway(&["exchanges", "--control"])
        .arg(&agent.control)
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).starts_with("wrongway: cannot print: No space left"),
        "{output:?}"
    );
}

#[test]
fn without_an_agent_the_remedy_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let control = directory.path().join("none.sock");
    let output = wrongway(&["summary", "--control"])
        .arg(&control)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        format!(
            "wrongway: no agent answers on {}; start one with 'wrongway run' or name its socket with --control\n",
            control.display()
        )
    );
}
