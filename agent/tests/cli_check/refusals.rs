//! Names that a server refuses in the handshake.

use serde_json::Value;

use super::checked::{B, Checked};
use super::server::{Behaviour, Server};

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
