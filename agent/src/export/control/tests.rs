use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::export::query::Query;
use crate::export::store::Limits;
use crate::export::testing::{connection, exchange};
use crate::export::{Shared, present};
use crate::policy::Policy;
use crate::verdict::Verdict;

struct Agent {
    path: PathBuf,
    shared: Shared,
    runtime: tokio::runtime::Runtime,
    _directory: TempDir,
}

fn agent() -> Agent {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run/control.sock");
    let socket = ControlSocket::bind(&path).unwrap();
    let shared = Shared::new(Limits::default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.spawn(serve(socket, shared.clone()));
    Agent {
        path,
        shared,
        runtime,
        _directory: directory,
    }
}

impl Agent {
    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn say(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn ask(&self, command: Command, query: Query) -> Result<Answer, AskError> {
        ask(&self.path, &Request { command, query })
    }

    /// Fills the store with answers far larger than a socket's buffer.
    fn fill(&self) {
        let mut store = self.shared.store();
        for id in 1..=10_000 {
            store.exchange(exchange(id, Verdict::Split421).into(), &Policy::default());
        }
    }
}

fn everything() -> Query {
    Query {
        limit: usize::MAX,
        ..Query::default()
    }
}

#[test]
fn every_command_is_answered_with_the_contracts_objects() {
    let agent = agent();
    let finding = exchange(1, Verdict::Split421);
    agent
        .shared
        .store()
        .exchange(finding.clone().into(), &Policy::default());
    agent.shared.store().connection_opened(connection(1).into());
    for command in Command::ALL {
        let query = Query {
            id: (command == Command::Explain).then_some(1),
            ..Query::default()
        };
        let answer = agent.ask(command, query).unwrap();
        let expected = usize::from(!matches!(
            command,
            Command::Coverage | Command::Listeners | Command::Alerts
        ));
        assert_eq!(
            (answer.lines.len(), answer.end.matched),
            (expected, expected),
            "{command:?}"
        );
    }
    let answer = agent.ask(Command::Findings, Query::default()).unwrap();
    assert_eq!(
        answer.lines,
        [serde_json::to_string(&present::judged(&finding)).unwrap()]
    );
}

#[test]
fn what_is_not_kept_cannot_be_explained() {
    let query = Query {
        id: Some(99),
        ..Query::default()
    };
    let refused = agent().ask(Command::Explain, query).unwrap_err();
    assert!(
        refused.to_string().contains("no exchange 99 is kept"),
        "{refused}"
    );
}

#[test]
fn the_end_tells_losses_and_what_the_limit_left_out() {
    let agent = agent();
    agent.fill();
    agent.shared.metrics().loss("kernel", "ring_full", 3);
    let query = Query {
        limit: 2,
        ..Query::default()
    };
    let answer = agent.ask(Command::Exchanges, query).unwrap();
    assert_eq!((answer.lines.len(), answer.end.matched), (2, 10_000));
    let loss = Loss {
        stage: "kernel".to_owned(),
        reason: "ring_full".to_owned(),
        count: 3,
    };
    assert!(answer.end.losses.contains(&loss), "{:?}", answer.end);
}

#[test]
fn a_request_without_line_feed_ends_with_the_clients_side() {
    let agent = agent();
    let mut stream = agent.connect();
    stream.write_all(br#"{"command":"summary"}"#).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "{\"end\":true,\"matched\":0,\"losses\":[]}\n");
}

#[test]
fn a_bad_request_is_answered_with_the_reason() {
    let agent = agent();
    assert_eq!(
        agent.say(b"{\"command\":\"stop\"}\n"),
        "{\"error\":\"unknown command \\\"stop\\\"; there are summary, exchanges, findings, connections, coverage, listeners, explain, alerts\"}\n"
    );
    let refusal = agent.say(&vec![b' '; MAX_REQUEST + 1]);
    assert_eq!(refusal, "{\"error\":\"the request is longer than 8192 bytes\"}\n");
}

#[test]
fn half_a_request_is_refused_in_time() {
    let agent = agent();
    let started = Instant::now();
    let answer = agent.say(b"{\"command\":");
    assert_eq!(answer, "{\"error\":\"no complete request within 2 s\"}\n");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn hostile_clients_do_not_keep_others_waiting() {
    let agent = agent();
    agent.fill();
    let mut hostile = Vec::new();
    for _ in 0..4 {
        let silent = agent.connect();
        let mut half = agent.connect();
        half.write_all(b"{\"command\"").unwrap();
        let mut deaf = agent.connect();
        deaf.write_all(b"{\"command\":\"exchanges\",\"limit\":10000}\n")
            .unwrap();
        hostile.extend([silent, half, deaf]);
    }
    let endless = std::thread::spawn({
        let mut stream = agent.connect();
        move || stream.write_all(&vec![b'x'; 10 << 20])
    });
    let started = Instant::now();
    for _ in 0..3 {
        let answer = agent.ask(Command::Exchanges, everything()).unwrap();
        assert_eq!(answer.lines.len(), 10_000);
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(endless.join().unwrap().is_err(), "10 MB were taken");
}

#[test]
fn too_many_clients_are_refused_until_others_leave() {
    let agent = agent();
    let idle: Vec<_> = (0..32).map(|_| agent.connect()).collect();
    let mut answer = String::new();
    BufReader::new(agent.connect()).read_line(&mut answer).unwrap();
    assert_eq!(answer, "{\"error\":\"too many clients at a time; try again\"}\n");
    drop(idle);
    let deadline = Instant::now() + Duration::from_secs(10);
    while agent.ask(Command::Summary, Query::default()).is_err() {
        assert!(Instant::now() < deadline, "places were not freed");
    }
}

#[test]
fn only_the_owner_may_connect_and_the_file_goes_with_the_agent() {
    let agent = agent();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&agent.path), 0o600);
    assert_eq!(mode(agent.path.parent().unwrap()) & 0o022, 0);
    agent.runtime.shutdown_timeout(Duration::from_secs(5));
    assert!(!agent.path.exists());
}

#[test]
fn a_live_socket_is_left_alone() {
    let agent = agent();
    let error = ControlSocket::bind(&agent.path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "control socket {} is in use by another agent (pid {}); stop it or choose another with --control",
            agent.path.display(),
            std::process::id()
        )
    );
    assert!(agent.ask(Command::Summary, Query::default()).is_ok());
}

#[test]
fn a_stale_socket_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let socket = ControlSocket::bind(&path).unwrap();
    assert!(UnixStream::connect(&path).is_ok());
    drop(socket);
    assert!(!path.exists());
}

#[test]
fn a_file_of_this_name_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    fs::write(&path, "precious").unwrap();
    let error = ControlSocket::bind(&path).unwrap_err();
    assert!(matches!(error, BindError::NotASocket(_)), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_socket_that_another_agent_took_over_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    let first = ControlSocket::bind(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let second = ControlSocket::bind(&path).unwrap();
    drop(first);
    assert!(path.exists());
    drop(second);
    assert!(!path.exists());
}

#[test]
fn a_path_beyond_a_sockets_limit_is_named() {
    let path = PathBuf::from(format!("/tmp/{}", "x".repeat(120)));
    let error = ControlSocket::bind(&path).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a path of 125 bytes where 107 are possible"),
        "{error}"
    );
}

#[test]
fn an_answer_without_end_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let agent = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        BufReader::new(&stream).read_line(&mut String::new()).unwrap();
        stream.write_all(b"{\"id\":1}\n").unwrap();
    });
    let request = Request {
        command: Command::Exchanges,
        query: Query::default(),
    };
    let error = ask(&path, &request).unwrap_err();
    assert!(matches!(error, AskError::CutShort(_)), "{error}");
    agent.join().unwrap();
}
