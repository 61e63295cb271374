//! What a server speaks: HTTP/2, HTTP/1.1, something else, or nothing.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use rstest::rstest;

use super::checked::{A, Checked, wrongway};
use super::server::{Behaviour, Reply, Server};

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
