//! HTTP/1 conversations that were seen whole.

use std::borrow::Cow;

use ebpf::record::Direction;
use rstest::rstest;
use wrongway::http::{Authority, AuthoritySource, Known, Loss, Pairing, Protocol, Status};

use crate::wire::{REQUEST, RESPONSE, Wire, present};

#[test]
fn keep_alive_numbers_requests_and_keeps_their_times() {
    let mut wire = Wire::new(true);
    wire.get("a.example");
    wire.status(200);
    wire.get("b.example");
    wire.status(421);
    assert_eq!(
        wire.summary(),
        [("a.example", Status::Code(200)), ("b.example", Status::Code(421))]
    );
    let second = &wire.out[1];
    assert_eq!(second.request_number, Some(2));
    assert_eq!(
        (second.requested_at, second.answered_at, second.completed_at),
        (3, Some(4), 4)
    );
    assert_eq!(second.protocol, Protocol::Http11);
    assert_eq!(second.method, Known::Yes("GET".into()));
    assert_eq!(second.extended_connect, Known::Yes(false));
    assert_eq!(second.pairing, Pairing::Certain);
    assert!(wire.losses().is_empty());
}

#[rstest]
#[case::server(Direction::Read)]
#[case::client(Direction::Write)]
fn the_first_head_tells_which_way_requests_go(#[case] direction: Direction) {
    let mut wire = Wire::new(true);
    assert_eq!(wire.conversation.request_direction(), None);
    wire.head(direction, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(wire.conversation.request_direction(), Some(direction));
    wire.close();
    assert_eq!(wire.out[0].request_direction, direction);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let mut wire = Wire::new(true);
    for host in ["a", "b", "c"] {
        wire.get(host);
    }
    for status in [200, 421, 404] {
        wire.status(status);
    }
    let expected = [
        ("a", Status::Code(200)),
        ("b", Status::Code(421)),
        ("c", Status::Code(404)),
    ];
    assert_eq!(wire.summary(), expected);
}

#[rstest]
#[case::continue_100(100)]
#[case::early_hints(103)]
fn interim_responses_are_skipped(#[case] interim: u16) {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.status(interim);
    assert_eq!(wire.out, []);
    wire.status(200);
    assert_eq!(wire.statuses(), [Status::Code(200)]);
}

#[test]
fn switching_protocols_is_a_final_response() {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.status(101);
    wire.close();
    assert_eq!(wire.statuses(), [Status::Code(101)]);
}

#[rstest]
#[case::origin_form("GET / HTTP/1.1", Authority::Absent)]
#[case::asterisk_form("OPTIONS * HTTP/1.1", Authority::Absent)]
#[case::absolute_form("GET http://b:81/ HTTP/1.1", present("b:81", AuthoritySource::Absolute))]
#[case::authority_form("CONNECT b:443 HTTP/1.1", present("b:443", AuthoritySource::Connect))]
fn the_target_may_name_an_authority_of_its_own(#[case] line: &str, #[case] authority: Authority) {
    let mut wire = Wire::new(true);
    wire.head(REQUEST, &format!("{line}\r\nHost: a\r\n\r\n"));
    wire.status(200);
    assert_eq!(wire.out[0].authority, authority);
    assert_eq!(wire.out[0].host, Known::Yes(vec!["a".to_owned()]));
}

#[rstest]
#[case::none("", &[])]
#[case::empty("Host:\r\n", &[""])]
#[case::several("Host: a\r\nX: y\r\nhOST:  b \r\n", &["a", "b"])]
fn every_host_field_is_kept(#[case] fields: &str, #[case] hosts: &[&str]) {
    let mut wire = Wire::new(true);
    wire.head(REQUEST, &format!("GET / HTTP/1.0\r\n{fields}\r\n"));
    wire.status(200);
    assert_eq!(
        wire.out[0].host,
        Known::Yes(hosts.iter().map(|&host| host.to_owned()).collect())
    );
    assert_eq!(wire.out[0].protocol, Protocol::Http10);
    assert!(wire.out[0].names_are_known());
}

#[test]
fn more_host_fields_than_are_kept_are_unknown() {
    let mut wire = Wire::new(true);
    wire.head(
        REQUEST,
        &format!("GET / HTTP/1.1\r\n{}\r\n", "Host: a\r\n".repeat(9)),
    );
    wire.status(400);
    assert_eq!(wire.out[0].host, Known::Unknown);
    assert!(!wire.out[0].names_are_known());
    assert_eq!(wire.losses().count(Loss::TooLarge), 1);
}

#[rstest]
#[case::obsolete_folding("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", Known::Yes("GET".into()))]
#[case::space_before_colon("GET / HTTP/1.1\r\nHost : a\r\n\r\n", Known::Yes("GET".into()))]
#[case::no_version("GET /\r\nHost: a\r\n\r\n", Known::Unknown)]
#[case::no_request_line("\u{1}\u{2}\r\n\r\n", Known::Unknown)]
fn a_malformed_request_keeps_its_place(#[case] head: &str, #[case] method: Known<Cow<'static, str>>) {
    let mut wire = Wire::new(true);
    wire.head(REQUEST, head);
    wire.get("b");
    wire.status(400);
    wire.status(200);
    assert_eq!(
        wire.summary(),
        [("?", Status::Code(400)), ("b", Status::Code(200))]
    );
    assert_eq!(wire.out[0].request_number, Some(1));
    assert_eq!(wire.out[0].method, method);
    assert_eq!(wire.out[1].request_number, Some(2));
    assert_eq!(wire.losses().count(Loss::MalformedHead), 1);
}

#[test]
fn errors_in_the_fields_of_a_response_do_not_hide_its_status() {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.head(
        RESPONSE,
        "HTTP/1.1 421 Misdirected Request\r\nbroken\r\n folded\r\n\r\n",
    );
    assert_eq!(wire.statuses(), [Status::Code(421)]);
    assert!(wire.losses().is_empty());
}

#[test]
fn a_response_without_a_readable_status_keeps_its_place() {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.get("b");
    wire.head(RESPONSE, "HTTP/1.1 2x0 OK\r\n\r\n");
    wire.status(404);
    assert_eq!(wire.summary(), [("a", Status::Unknown), ("b", Status::Code(404))]);
    assert_eq!(wire.losses().count(Loss::MalformedHead), 1);
}

#[test]
fn requests_that_the_end_overtakes_get_no_status() {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.get("b");
    wire.status(200);
    wire.close();
    assert_eq!(
        wire.summary(),
        [("a", Status::Code(200)), ("b", Status::NoneCame)]
    );
    wire.close();
    assert_eq!(wire.out.len(), 2);
}

#[test]
fn a_server_may_refuse_a_head_before_all_of_it_came() {
    use ebpf::record::Content::Http1Head;
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.status(200);
    wire.part(REQUEST, Http1Head, b"GET /b HTTP/1.1\r\nHo", true, false);
    wire.status(431);
    wire.part(REQUEST, Http1Head, b"st: b\r\n\r\n", false, true);
    assert_eq!(
        wire.summary(),
        [("a", Status::Code(200)), ("?", Status::Code(431))]
    );
    assert_eq!(wire.out[1].method, Known::Yes("GET".into()));
}

#[test]
fn requests_without_end_cost_no_memory_and_are_counted() {
    let mut wire = Wire::new(true);
    for _ in 0..1000 {
        wire.get("a");
    }
    let losses = wire.losses();
    assert_eq!(losses.count(Loss::TooManyRequests), 1000 - 256);
    for status in 0..1000 {
        wire.status(200 + status % 300);
    }
    wire.get("b");
    wire.status(421);
    assert_eq!(wire.out.len(), 257);
    assert_eq!(wire.out[255].status, Status::Code(200 + 255));
    assert_eq!(wire.out[256].request_number, Some(1001));
    assert_eq!(wire.out[256].status, Status::Code(421));
}

#[test]
fn a_head_beyond_the_bound_is_cut_off_and_its_fields_are_unknown() {
    let mut wire = Wire::new(true);
    wire.head(
        REQUEST,
        &format!("GET / HTTP/1.1\r\nX: {}\r\nHost: a\r\n\r\n", "x".repeat(70_000)),
    );
    wire.status(431);
    assert_eq!(wire.summary(), [("?", Status::Code(431))]);
    assert_eq!(wire.losses().count(Loss::TooLong), 1);
}

#[test]
fn frames_on_a_connection_of_heads_are_counted() {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.h2_status(1, "200");
    wire.status(421);
    assert_eq!(wire.statuses(), [Status::Code(421)]);
    assert_eq!(wire.losses().count(Loss::MixedProtocols), 1);
}
