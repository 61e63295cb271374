//! Objects of the contract for this module's tests.

use super::view::{Certificate, Connection, Exchange, ExchangeConnection, Process, Provenance};

/// A request for `b.example` on a connection for `a.example`.
pub(super) fn exchange(id: u64, verdict: &str, class: &str) -> Exchange {
    Exchange {
        id,
        time: format!("2026-01-02T03:04:05.{id:06}Z"),
        role: Some("server".to_owned()),
        protocol: "h2".to_owned(),
        method: Some("GET".to_owned()),
        authority: Some("b.example".to_owned()),
        sni: Some("a.example".to_owned()),
        sni_state: "sent".to_owned(),
        status: Some(421),
        verdict: verdict.to_owned(),
        class: class.to_owned(),
        confidence: "high".to_owned(),
        outcome: None,
        connection: ExchangeConnection::default(),
        certificate: Certificate::default(),
        process: process(),
        provenance: Provenance::default(),
        diagnosis: "the client dialled one name and asked for another".to_owned(),
        remedy: "correct the client".to_owned(),
    }
}

/// An open connection for `a.example`.
pub(super) fn connection(id: u64) -> Connection {
    Connection {
        id,
        time: "2026-01-02T03:04:05.000000Z".to_owned(),
        open: true,
        role: Some("server".to_owned()),
        protocol: Some("h2".to_owned()),
        sni: Some("a.example".to_owned()),
        sni_state: "sent".to_owned(),
        local: Some("127.0.0.1:443".to_owned()),
        peer: Some("127.0.0.1:50000".to_owned()),
        client_random: None,
        version: Some("TLSv1.3".to_owned()),
        resumed: Some(false),
        requests: 0,
        authorities: vec!["b.example".to_owned()],
        certificate: Certificate::default(),
        process: process(),
        provenance: Provenance {
            sni: Some("object".to_owned()),
            ..Provenance::default()
        },
    }
}

fn process() -> Process {
    Process {
        pid: 42,
        exe: Some("/usr/sbin/apache2".to_owned()),
        library: Some("/usr/lib/x86_64-linux-gnu/libssl.so.3".to_owned()),
        ..Process::default()
    }
}
