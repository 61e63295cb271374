//! Answers for tests.

use super::connect::Handshake;
use super::plan::{Connection, Question, Sni, Spelling};
use super::session::{Answer, Outcome};
use crate::verdict::Protocol;
use crate::verdict::name::normalise;

/// The answer to `authority` on a connection of its own, with a certificate for `*.example`.
pub(super) fn fresh(protocol: Protocol, sni: Option<&str>, authority: &str, status: u16) -> Answer {
    let name = normalise(authority).unwrap();
    let spelling = if name.to_string() == authority {
        Spelling::Plain
    } else {
        Spelling::UpperCase
    };
    Answer {
        question: Question {
            protocol,
            connection: Connection::Fresh,
            sni: sni.map_or(Sni::Absent, |name| Sni::Sent(name.to_owned())),
            name: name.host,
            authority: authority.to_owned(),
            spelling,
        },
        outcome: Outcome::Answered(status),
        handshake: Handshake {
            certificate_names: Some(vec!["*.example".to_owned()]),
            client_certificate: Some(false),
            alpn: Some(protocol.as_str().to_owned()),
            version: Some("TLSv1.3"),
        },
        prior: Vec::new(),
        reopened: false,
    }
}

/// The answer to `authority` on a connection that was made and used for `host`.
pub(super) fn shared(protocol: Protocol, host: &str, authority: &str, status: u16) -> Answer {
    let mut answer = fresh(protocol, Some(host), authority, status);
    answer.question.connection = Connection::Shared;
    answer.prior.push(host.to_owned());
    answer
}
