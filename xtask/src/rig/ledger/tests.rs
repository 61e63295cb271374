//! Exchanges that are right, unknown, wrong, missing and too many.

use super::*;
use crate::rig::exchange::{Connection, Process};

const CLIENT: &str = "127.0.0.1:40000";
const SERVER: &str = "127.0.0.1:8443";

fn ground() -> Ground {
    Ground {
        program: "nginx",
        port: 8443,
        pids: [10, 11].into(),
        exe: "/usr/sbin/nginx".to_owned(),
    }
}

fn truth() -> Truth {
    Truth {
        client: "curl".to_owned(),
        pid: 7,
        exe: Some("/usr/bin/curl".to_owned()),
        protocol: "h2".to_owned(),
        sni: Some("r1.a.example".to_owned()),
        authority: "r1.a.example".to_owned(),
        method: "GET".to_owned(),
        status: Some(200),
        local: Some(CLIENT.to_owned()),
        peer: SERVER.to_owned(),
        request_number: 1,
        abandoned: false,
        verdict: Some("ok".to_owned()),
        certificate: None,
    }
}

fn seen(side: Side) -> Exchange {
    let truth = truth();
    let (pid, exe, local, peer) = match side {
        "server" => (11, "/usr/sbin/nginx", SERVER, CLIENT),
        _ => (7, "/usr/bin/curl", CLIENT, SERVER),
    };
    Exchange {
        role: Some(side.to_owned()),
        protocol: truth.protocol,
        method: Some(truth.method),
        authority: Some(truth.authority),
        sni: truth.sni,
        sni_state: "sent".to_owned(),
        status: truth.status,
        verdict: "ok".to_owned(),
        class: "fine".to_owned(),
        connection: Connection {
            local: Some(local.to_owned()),
            peer: Some(peer.to_owned()),
            request_number: Some(1),
            alpn: Some("h2".to_owned()),
            resumed: Some(false),
            ..Connection::default()
        },
        process: Process {
            pid,
            exe: Some(exe.to_owned()),
            ..Process::default()
        },
        ..Exchange::default()
    }
}

fn tally(ledger: &Ledger, program: &str, side: Side, fact: &str) -> Tally {
    ledger.rows[&(program.to_owned(), side)].facts[fact]
}

#[test]
fn both_sides_right_is_without_fault() {
    let mut ledger = Ledger::default();
    ledger.add(&ground(), &[truth()], &[seen("server"), seen("client")]);
    assert_eq!(ledger.faults(), [""; 0]);
    for row in ledger.rows.values() {
        for (fact, tally) in row.facts.iter().filter(|(fact, _)| **fact != "pair") {
            assert_eq!((tally.right, tally.unknown), (1, 0), "{fact}");
        }
    }
}

#[test]
fn a_client_that_was_told_no_status_does_not_know_it() {
    let mut truth = truth();
    truth.status = None;
    truth.verdict = None;
    let mut ledger = Ledger::default();
    ledger.add(&ground(), &[truth], &[seen("server"), seen("client")]);
    assert_eq!(ledger.faults(), [""; 0]);
}

#[test]
fn an_unknown_socket_is_no_obstacle() {
    let mut server = seen("server");
    server.connection.local = None;
    server.connection.peer = None;
    let mut ledger = Ledger::default();
    ledger.add(&ground(), &[truth()], &[server, seen("client")]);
    assert_eq!(ledger.faults(), ["nginx as server: socket unknown 1 times"]);
    assert_eq!(tally(&ledger, "nginx", "server", "socket").unknown, 1);
}

#[test]
fn a_wrong_socket_is_a_fault() {
    let mut server = seen("server");
    server.connection.peer = Some("127.0.0.1:40001".to_owned());
    let mut ledger = Ledger::default();
    ledger.add(&ground(), &[truth()], &[server, seen("client")]);
    assert_eq!(ledger.faults(), ["nginx as server: socket wrong 1 times"]);
}

#[test]
fn sides_must_agree_where_the_client_does_not_tell() {
    let mut truth = truth();
    truth.local = None;
    let mut client = seen("client");
    client.connection.local = Some("127.0.0.1:40001".to_owned());
    let mut ledger = Ledger::default();
    ledger.add(&ground(), &[truth], &[seen("server"), client]);
    assert_eq!(ledger.faults().len(), 2, "{:?}", ledger.faults());
}

#[test]
fn a_foreign_process_is_a_fault() {
    let mut server = seen("server");
    server.process.pid = 99;
    let mut ledger = Ledger::default();
    ledger.add(&ground(), &[truth()], &[server, seen("client")]);
    assert_eq!(ledger.faults(), ["nginx as server: pid wrong 1 times"]);
}

#[test]
fn another_requests_authority_is_a_fault() {
    let mut second = truth();
    second.authority = "r2.a.example".to_owned();
    second.request_number = 2;
    second.verdict = None;
    let mut mixed_up = seen("server");
    mixed_up.connection.request_number = Some(2);
    let exchanges = [seen("server"), mixed_up, seen("client"), {
        let mut client = seen("client");
        client.authority = Some("r2.a.example".to_owned());
        client.connection.request_number = Some(2);
        client
    }];
    let mut ledger = Ledger::default();
    ledger.add(&ground(), &[truth(), second], &exchanges);
    assert_eq!(
        ledger.faults(),
        [
            "nginx as server: 1 exchanges not seen",
            "nginx as server: 1 exchanges too many"
        ]
    );
}

#[test]
fn an_undecided_verdict_is_unknown_where_a_fact_is() {
    let mut server = seen("server");
    server.sni = None;
    server.sni_state = "unknown".to_owned();
    server.verdict = "insufficient_evidence".to_owned();
    server.class = "undecided".to_owned();
    let mut ledger = Ledger::default();
    ledger.add(&ground(), &[truth()], &[server, seen("client")]);
    assert_eq!(
        ledger.faults(),
        [
            "nginx as server: sni unknown 1 times",
            "nginx as server: verdict unknown 1 times"
        ]
    );
    assert_eq!(tally(&ledger, "nginx", "server", "verdict").unknown, 1);
}
