//! HTTP/1 conversations of which something was missed.

use ebpf::record::Content::Http1Head;
use wrongway::http::{Loss, Pairing, Status};

use crate::wire::{REQUEST, RESPONSE, Wire};

#[test]
fn late_attach_drops_the_response_of_an_unseen_request() {
    let mut wire = Wire::new(false);
    wire.status(200);
    wire.get("a");
    wire.status(421);
    wire.get("b");
    wire.status(200);
    assert_eq!(
        wire.summary(),
        [("a", Status::Code(421)), ("b", Status::Code(200))]
    );
    assert_eq!(wire.out[0].request_number, None);
    assert_eq!(wire.losses().count(Loss::StrayResponse), 1);
}

#[test]
fn after_a_late_attach_pairing_is_assumed_until_the_connection_was_at_rest() {
    let mut wire = Wire::new(false);
    for host in ["a", "b"] {
        wire.get(host);
        wire.status(200);
    }
    let pairings: Vec<_> = wire.out.iter().map(|exchange| exchange.pairing).collect();
    assert_eq!(pairings, [Pairing::Assumed, Pairing::Certain]);
}

#[test]
fn after_a_late_attach_a_pipelining_client_leaves_no_status_certain() {
    let mut wire = Wire::new(false);
    wire.get("a");
    wire.get("b");
    wire.status(200);
    wire.status(421);
    assert_eq!(wire.statuses(), [Status::Unknown, Status::Unknown]);
    assert_eq!(wire.losses().count(Loss::AmbiguousResponse), 2);
}

#[test]
fn a_missed_request_costs_one_status_and_the_numbers() {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.status(200);
    wire.gap(REQUEST);
    for (host, status) in [("c", 403), ("d", 421)] {
        wire.get(host);
        wire.status(status);
    }
    let expected = [
        ("a", Status::Code(200)),
        ("c", Status::Unknown),
        ("d", Status::Code(421)),
    ];
    assert_eq!(wire.summary(), expected);
    assert_eq!(wire.out[0].request_number, Some(1));
    assert_eq!(wire.out[2].request_number, None);
}

#[test]
fn a_request_that_waited_before_the_gap_is_still_answered_first() {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.gap(REQUEST);
    wire.get("c");
    wire.status(421);
    assert_eq!(wire.summary(), [("a", Status::Code(421))]);
}

#[test]
fn a_missed_response_leaves_its_request_unknown() {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.gap(RESPONSE);
    wire.get("b");
    wire.status(421);
    wire.get("c");
    wire.status(200);
    let expected = [("a", Status::Unknown), ("b", Status::Unknown)];
    assert_eq!(wire.summary()[..2], expected);
    assert_eq!(wire.losses().count(Loss::AmbiguousResponse), 2);
}

#[test]
fn a_response_behind_a_gap_may_answer_a_request_that_was_missed_too() {
    let mut wire = Wire::new(true);
    wire.get("a");
    // The response to this one and the request for b were lost together.
    wire.gap(RESPONSE);
    wire.status(421);
    wire.gap(REQUEST);
    wire.get("c");
    wire.status(200);
    wire.get("d");
    wire.status(404);
    let expected = [
        ("a", Status::Unknown),
        ("c", Status::Unknown),
        ("d", Status::Code(404)),
    ];
    assert_eq!(wire.summary(), expected);
}

#[test]
fn a_close_after_a_gap_does_not_claim_that_no_response_came() {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.gap(RESPONSE);
    wire.close();
    assert_eq!(wire.statuses(), [Status::Unknown]);
}

#[test]
fn a_request_cut_off_by_a_gap_keeps_its_number() {
    let mut wire = Wire::new(true);
    wire.part(REQUEST, Http1Head, b"POST / HTTP/1.1\r\nHost: a\r\n", true, false);
    wire.gap(REQUEST);
    wire.status(200);
    assert_eq!(wire.out, []);

    let mut wire = Wire::new(true);
    wire.get("a");
    wire.part(REQUEST, Http1Head, b"POST / HTTP/1.1\r\nHost: b\r\n", true, false);
    wire.gap(REQUEST);
    wire.status(200);
    wire.status(421);
    assert_eq!(
        wire.summary(),
        [("a", Status::Code(200)), ("?", Status::Code(421))]
    );
    assert_eq!(wire.out[1].request_number, Some(2));
    assert_eq!(wire.losses().count(Loss::Truncated), 1);
}

#[test]
fn a_response_cut_off_behind_its_status_line_still_counts() {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.part(
        RESPONSE,
        Http1Head,
        b"HTTP/1.1 421 Misdirected Request\r\nServer: x",
        true,
        false,
    );
    wire.gap(RESPONSE);
    wire.close();
    assert_eq!(wire.statuses(), [Status::Code(421)]);
}

#[test]
fn a_response_cut_off_in_its_status_line_is_unknown() {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.part(RESPONSE, Http1Head, b"HTTP/1.1 42", true, false);
    wire.close();
    assert_eq!(wire.statuses(), [Status::Unknown]);
}

#[test]
fn a_continuation_of_what_a_gap_swallowed_is_dropped() {
    let mut wire = Wire::new(true);
    wire.get("a");
    wire.gap(RESPONSE);
    wire.part(RESPONSE, Http1Head, b"OK\r\n\r\n", false, true);
    wire.close();
    assert_eq!(wire.statuses(), [Status::Unknown]);
    assert_eq!(wire.losses().count(Loss::Orphan), 1);
}
