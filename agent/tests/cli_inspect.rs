//! `wrongway inspect` as a user runs it, against an agent's control socket with fixed data.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use ebpf::record::Direction;
use tempfile::TempDir;
use wrongway::alert::Notice;
use wrongway::connection::{
    Alpn, Facts, NameSource, Process, Role, RoleSource, ServerName, Socket, SocketSource, Visibility,
};
use wrongway::export::control::{self, ControlSocket};
use wrongway::export::view::{Coverage, Exchange};
use wrongway::export::{Shared, present};
use wrongway::http::{self, Authority, AuthoritySource, Earlier, Known, Pairing, Protocol, Status};
use wrongway::observer::Judged;
use wrongway::policy::Policy;
use wrongway::verdict::Learned;
use wrongway::wire::client_hello::Transport;

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

/// Exchanges served rightly, misdirected twice, one of which little is known, and one without a server name.
fn agent_with_data() -> Agent {
    let agent = agent();
    let mut store = agent.shared.store();
    for id in [1, 2] {
        store.connection_opened(connection(id).into());
    }
    let served = http::Exchange {
        authority: pseudo("a.example"),
        status: Status::Code(200),
        ..request(1)
    };
    store.exchange(judged(1, connection(1), served), &Policy::default());
    store.exchange(judged(2, connection(1), request(2)), &Policy::default());
    store.exchange(judged(3, connection(1), request(3)), &Policy::default());
    let unknown = Facts {
        name: ServerName::Unknown,
        process: Arc::new(Process {
            exe: None,
            ..process()
        }),
        ..connection(3)
    };
    let reset = http::Exchange {
        authority: Authority::Unknown,
        host: Known::Unknown,
        status: Status::NoneCame,
        ..request(4)
    };
    store.exchange(judged(4, unknown, reset), &Policy::default());
    let silent = http::Exchange {
        protocol: Protocol::Http11,
        authority: Authority::Absent,
        host: Known::Yes(vec!["b.example".to_owned()]),
        ..request(5)
    };
    let without_name = Facts {
        name: ServerName::Absent,
        ..connection(2)
    };
    store.exchange(judged(5, without_name, silent), &Policy::default());
    let closed = Facts {
        socket: None,
        ..connection(2)
    };
    store.connection_closed(closed.into());
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

/// 2026-01-02T03:04:05Z, in nanoseconds since the Unix epoch.
const EPOCH: u64 = 1_767_323_045_000_000_000;

fn judged(id: u64, connection: Facts, exchange: http::Exchange) -> Arc<Judged> {
    Judged::new(id, EPOCH, connection.into(), exchange, |_| Learned::default()).into()
}

/// A request for `b.example` that was answered 421, `id` milliseconds and a bit after [`EPOCH`].
fn request(id: u64) -> http::Exchange {
    http::Exchange {
        request_number: Some(1),
        stream_id: Some(1),
        protocol: Protocol::H2,
        request_direction: Direction::Read,
        method: Known::Yes("GET".into()),
        authority: pseudo("b.example"),
        host: Known::Yes(Vec::new()),
        extended_connect: Known::Yes(false),
        status: Status::Code(421),
        pairing: Pairing::Certain,
        earlier: Earlier {
            names: Arc::default(),
            complete: true,
        },
        requested_at: id * 1_000_000 + 999_000,
        answered_at: None,
        completed_at: 0,
    }
}

fn pseudo(name: &str) -> Authority {
    Authority::Present {
        value: name.to_owned(),
        source: AuthoritySource::Pseudo,
    }
}

/// A connection for `a.example`.
fn connection(id: u64) -> Facts {
    Facts {
        id,
        pid: 4242,
        opened_at: EPOCH + 678_901_000,
        role: Some(Role::Server),
        role_source: Some(RoleSource::Object),
        name: ServerName::Sent("a.example".to_owned()),
        name_source: Some(NameSource::Object),
        transport: Transport::Tcp,
        socket: Some(Socket {
            local: "[2001:db8::1]:443".parse().unwrap(),
            peer: "127.0.0.1:50000".parse().unwrap(),
            netns: 1,
            source: SocketSource::Descriptor,
        }),
        flow: None,
        client_random: None,
        version: 0x0304,
        hello: None,
        alpn: Alpn::Unknown,
        resumed: Some(false),
        verify_mode: None,
        from_start: true,
        visibility: Visibility::Requests,
        through_memory: None,
        pair: None,
        certificate_names: None,
        certificate_source: None,
        process: Arc::new(process()),
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
     4  03:04:05.004  server  h2        ?          ?               ?  aborted     ?
     5  03:04:05.005  server  http/1.1  b.example  -             421  no_sni_421  apache2
    ");
}

#[test]
fn findings_with_each_explanation_once() {
    let text = stdout(&agent_with_data().inspect(&["findings"]));
    let (table, explanations) = text.split_once("\n\n").unwrap();
    let beginnings = explanations
        .lines()
        .map(|line| line.chars().take(61).collect::<String>());
    let text = [table.to_owned(), String::new()].into_iter().chain(beginnings);
    insta::assert_snapshot!(text.collect::<Vec<_>>().join("\n"), @r#"
    ID  TIME (UTC)    ROLE    PROTOCOL  AUTHORITY  SNI        STATUS  VERDICT     PROGRAM
     2  03:04:05.002  server  h2        b.example  a.example     421  split_421   apache2
     3  03:04:05.003  server  h2        b.example  a.example     421  split_421   apache2
     5  03:04:05.005  server  http/1.1  b.example  -             421  no_sni_421  apache2

    #2 split_421 and 1 more like it
      what   The connection was made for "a.example", and no othe
      remedy Correct the client: the name it dials and the name i
      more   wrongway explain 2

    #5 no_sni_421
      what   The client sent no SNI, so the handshake took the de
      remedy Put the configuration right where the connection is 
      more   wrongway explain 5
    "#);
}

#[test]
fn the_summary_as_a_table() {
    insta::assert_snapshot!(stdout(&agent_with_data().inspect(&["summary"])), @r"
    COUNT  TREND  VERDICT     ROLE    PROGRAM  OTHER END  CLIENTS  NAMES  MOSTLY FOR  ON         FIRST     LAST      ID
        2  over   split_421   server  apache2  ?                ?      1  b.example   a.example  03:04:05  03:04:05   3
        1  over   no_sni_421  server  apache2  ?                ?      1  b.example   -          03:04:05  03:04:05   5
        1  over   aborted     server  ?        ?                ?      1  ?           ?          03:04:05  03:04:05   4
        1  over   ok          server  apache2  ?                ?      1  a.example   a.example  03:04:05  03:04:05   1
    ");
}

#[test]
fn connections_as_a_table() {
    insta::assert_snapshot!(stdout(&agent_with_data().inspect(&["connections"])), @r"
    ID  SINCE (UTC)   STATE   ROLE    PROTOCOL  SNI        LOCAL              PEER             REQUESTS  PROGRAM   PID
     1  03:04:05.678  open    server  h2        a.example  [2001:db8::1]:443  127.0.0.1:50000         3  apache2  4242
     2  03:04:05.678  closed  server  http/1.1  a.example  ?                  ?                       1  apache2  4242
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
    let expected = [2, 3].map(|id| present::judged(&judged(id, connection(1), request(id))));
    assert_eq!(exchanges, expected);
    assert_eq!(stderr(&output), "");
}

#[test]
fn unknown_is_null_in_json() {
    let output = agent_with_data().inspect(&["exchanges", "--json", "--class", "undecided"]);
    let exchange: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    for member in ["authority", "sni", "status"] {
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
    let hostile = http::Exchange {
        authority: pseudo(&format!("\u{1b}[2J\n{}", "x".repeat(10_000))),
        ..request(1)
    };
    let mut hostile = judged(1, connection(1), hostile);
    Arc::make_mut(&mut hostile).authority = Some("\u{1b}]0;title\u{7}".into());
    agent.shared.store().exchange(hostile, &Policy::default());
    for (view, lines) in [("exchanges", 2), ("findings", 7)] {
        let text = stdout(&agent.inspect(&[view]));
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(
            text.lines().take(2).all(|line| line.chars().count() <= 120),
            "{text}"
        );
        assert_eq!(text.lines().count(), lines, "{text}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let agent = agent();
    for id in 0..5_000 {
        agent
            .shared
            .store()
            .exchange(judged(id, connection(1), request(id)), &Policy::default());
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
fn alerts_that_fire_are_explained() {
    let agent = agent();
    let alert = |id: u64, ended_at: Option<&str>| Notice {
        state: if ended_at.is_some() { "resolved" } else { "firing" }.to_owned(),
        id,
        rule: "wrong-421".to_owned(),
        severity: "warning".to_owned(),
        labels: [("instance", "node-7"), ("server", "apache2")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        started_at: "2026-01-02T03:04:05.000000Z".to_owned(),
        ended_at: ended_at.map(str::to_owned),
        count: 5,
        first_exchange: 17,
        last_exchange: 42,
        summary: "5 exchanges within 10 minutes fit rule wrong-421 (server apache2).".to_owned(),
        description: "It was declined. Remedy: do not.".to_owned(),
    };
    agent.shared.store().set_firing([alert(2, None)]);
    agent
        .shared
        .store()
        .alert_over(alert(1, Some("2026-01-02T04:00:00.000000Z")));
    insta::assert_snapshot!(stdout(&agent.inspect(&["alerts"])), @r"
    ID  STATE     SEVERITY  RULE       COUNT  SINCE (UTC)     UNTIL (UTC)     LABELS
     1  resolved  warning   wrong-421      5  01-02 03:04:05  01-02 04:00:00  instance=node-7 server=apache2
     2  firing    warning   wrong-421      5  01-02 03:04:05                  instance=node-7 server=apache2

    #2 5 exchanges within 10 minutes fit rule wrong-421 (server apache2).
      It was declined. Remedy: do not.
      exchanges: #17 was the first, #42 the latest
    ");
    let json = stdout(&agent.inspect(&["alerts", "--json"]));
    let notices: Vec<Notice> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(notices[1], alert(2, None));
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
