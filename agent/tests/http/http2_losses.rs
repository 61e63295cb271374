//! HTTP/2 conversations of which something was missed or broken.

use ebpf::record::{Content::Http2Frame, Direction};
use rstest::rstest;
use wrongway::http::{Authority, Known, Loss, Status};

use crate::wire::{REQUEST, RESPONSE, Wire, frame, headers, inserting, literal, request, spelled};

/// `GET`, `https`, `/`, and whatever the latest dynamic entry is.
const LATEST: [u8; 4] = [0x82, 0x87, 0x84, 0xbe];

fn inserting_request(authority: &str) -> Vec<u8> {
    [vec![0x82, 0x87, 0x84], inserting(1, authority)].concat()
}

#[test]
fn after_a_gap_an_entry_from_before_it_is_unknown() {
    let mut wire = Wire::new(true);
    wire.frame(REQUEST, &headers(1, &inserting_request("a")));
    wire.gap(REQUEST);
    wire.frame(REQUEST, &headers(5, &LATEST));
    wire.frame(REQUEST, &headers(7, &inserting_request("b")));
    wire.frame(REQUEST, &headers(9, &LATEST));
    for stream in [1, 5, 7, 9] {
        wire.h2_status(stream, "200");
    }
    let names: Vec<_> = wire.summary().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "?", "b", "b"]);
    let numbers: Vec<_> = wire.out.iter().map(|exchange| exchange.request_number).collect();
    assert_eq!(numbers, [Some(1), None, None, None]);
    assert_eq!(wire.losses().count(Loss::UnknownField), 1);
}

#[test]
fn a_late_attach_reads_literals_and_static_entries() {
    let mut wire = Wire::late();
    wire.h2_get(7, "a");
    wire.frame(REQUEST, &headers(9, &LATEST));
    wire.h2_status(7, "421");
    wire.frame(RESPONSE, &headers(9, &[0xbe]));
    assert_eq!(wire.summary(), [("a", Status::Code(421)), ("?", Status::Unknown)]);
    assert_eq!(wire.out[1].method, Known::Yes("GET".into()));
    assert_eq!(wire.out[1].host, Known::Unknown);
    assert_eq!(wire.out[0].request_number, None);
}

#[test]
fn an_unknown_name_leaves_absence_unknown() {
    let mut wire = Wire::late();
    wire.frame(REQUEST, &headers(3, &[&LATEST[..], &literal(38, "b")].concat()));
    wire.h2_status(3, "200");
    assert_eq!(wire.out[0].authority, Authority::Unknown);
    assert_eq!(wire.out[0].host, Known::Unknown);
    assert!(!wire.out[0].names_are_known());
}

#[test]
fn an_unknown_protocol_leaves_a_connect_undecided() {
    let mut wire = Wire::late();
    wire.frame(
        REQUEST,
        &headers(
            3,
            &[&literal(2, "CONNECT"), &[0xbe][..], &literal(1, "a")].concat(),
        ),
    );
    wire.frame(REQUEST, &headers(5, &[&request("a"), &[0xbe][..]].concat()));
    wire.close();
    assert_eq!(wire.out[0].extended_connect, Known::Unknown);
    assert_eq!(wire.out[1].extended_connect, Known::Yes(false));
}

#[test]
fn a_late_attach_takes_trailers_for_no_request() {
    let mut wire = Wire::late();
    wire.h2_get(9, "a");
    wire.frame(REQUEST, &headers(11, &spelled("x-checksum", "1")));
    wire.close();
    assert_eq!(wire.out.len(), 1);
}

#[test]
fn a_late_attach_drops_the_response_of_an_unseen_request() {
    let mut wire = Wire::new(false);
    wire.h2_status(5, "200");
    assert_eq!(wire.conversation.request_direction(), Some(REQUEST));
    assert_eq!(wire.losses().count(Loss::StrayResponse), 1);
    wire.h2_get(7, "a");
    wire.h2_status(7, "200");
    wire.h2_status(3, "200");
    wire.h2_get(9, "b");
    wire.h2_status(9, "200");
    assert_eq!(wire.summary(), [("b", Status::Code(200))]);
    assert_eq!(wire.losses().count(Loss::StrayResponse), 1);
}

#[test]
fn what_came_before_the_first_round_trip_is_not_believed() {
    let mut wire = Wire::new(false);
    wire.frame(REQUEST, &headers(7, &inserting_request("a")));
    wire.frame(REQUEST, &headers(9, &LATEST));
    wire.h2_status(7, "200");
    // Known only from a block that is not believed.
    wire.frame(REQUEST, &headers(11, &LATEST));
    for stream in [9, 11] {
        wire.h2_status(stream, "200");
    }
    assert_eq!(wire.summary(), [("?", Status::Code(200))]);
    assert_eq!(wire.out[0].earlier.names.len(), 0);
    assert_eq!(wire.losses().count(Loss::Unproven), 2);
}

#[rstest]
#[case::request_again(REQUEST, &headers(5, &request("b")))]
#[case::response_the_wrong_way(REQUEST, &headers(7, &literal(8, "200")))]
#[case::request_the_wrong_way(RESPONSE, &headers(5, &request("b")))]
#[case::request_on_a_stream_of_the_server(REQUEST, &headers(8, &request("b")))]
#[case::response_to_no_request(RESPONSE, &headers(9, &literal(8, "200")))]
#[case::malformed_frame(REQUEST, &frame(1, 0xc, 7, &[9]))]
#[case::malformed_block(REQUEST, &headers(7, &[0x80]))]
#[case::promise_of_the_client(REQUEST, &frame(5, 4, 5, &[0, 0, 0, 2, 0x82]))]
fn frames_that_contradict_each_other_are_none(#[case] direction: Direction, #[case] contradiction: &[u8]) {
    let mut wire = Wire::late();
    wire.h2_get(5, "a");
    wire.frame(direction, contradiction);
    let losses = wire.losses();
    assert_eq!(
        (losses.count(Loss::Misjudged), losses.count(Loss::Unproven)),
        (1, 1)
    );
    wire.h2_status(5, "200");
    assert_eq!(wire.out, []);
    for stream in [11, 13] {
        wire.h2_get(stream, "b");
        wire.h2_status(stream, "200");
    }
    assert_eq!(wire.summary(), [("b", Status::Code(200))]);
    assert_eq!(wire.out[0].stream_id, Some(13));
}

#[test]
fn after_a_gap_a_response_to_no_request_contradicts_nothing() {
    let mut wire = Wire::late();
    wire.h2_get(5, "a");
    wire.gap(REQUEST);
    wire.h2_status(7, "200");
    wire.h2_status(5, "200");
    assert_eq!(wire.summary(), [("a", Status::Code(200))]);
}

#[test]
fn a_direction_that_is_entered_again_proves_nothing() {
    let mut wire = Wire::late();
    wire.h2_get(5, "a");
    wire.enter_again(RESPONSE, &headers(5, &literal(8, "421")));
    wire.h2_get(7, "b");
    wire.h2_status(7, "200");
    wire.h2_get(9, "c");
    wire.h2_status(9, "200");
    assert_eq!(wire.summary(), [("c", Status::Code(200))]);
}

#[test]
fn whether_a_response_came_before_the_end_of_a_late_connection_is_unknown() {
    let mut wire = Wire::late();
    wire.h2_get(5, "a");
    wire.h2_get(7, "b");
    wire.frame(RESPONSE, &frame(3, 0, 5, &[0, 0, 0, 8]));
    wire.close();
    assert_eq!(wire.summary(), [("a", Status::NoneCame), ("b", Status::Unknown)]);
}

#[test]
fn a_gap_in_responses_touches_neither_requests_nor_later_responses() {
    let mut wire = Wire::new(true);
    wire.h2_get(1, "a");
    wire.h2_get(3, "b");
    wire.gap(RESPONSE);
    wire.h2_get(5, "c");
    wire.h2_status(3, "421");
    wire.frame(REQUEST, &frame(3, 0, 5, &[0, 0, 0, 8]));
    wire.close();
    let expected = [
        ("b", Status::Code(421)),
        ("c", Status::NoneCame),
        ("a", Status::Unknown),
    ];
    assert_eq!(wire.summary(), expected);
}

#[rstest]
#[case::reset(&frame(3, 0, 1, &[0, 0, 0, 0]))]
#[case::trailers(&headers(1, &spelled("grpc-status", "0")))]
fn a_stream_that_ends_after_a_gap_may_have_been_answered(#[case] end: &[u8]) {
    let mut wire = Wire::new(true);
    wire.h2_get(1, "a");
    wire.gap(RESPONSE);
    wire.frame(RESPONSE, end);
    assert_eq!(wire.statuses(), [Status::Unknown]);
}

#[rstest]
#[case::request(REQUEST, "?", Status::Code(200))]
#[case::response(RESPONSE, "a", Status::Unknown)]
fn a_block_cut_off_by_a_gap_is_abandoned(
    #[case] direction: Direction,
    #[case] name: &str,
    #[case] status: Status,
) {
    let mut wire = Wire::new(true);
    if direction == REQUEST {
        wire.frame(REQUEST, &frame(1, 0, 1, &request("a")));
    } else {
        wire.h2_get(1, "a");
        wire.frame(RESPONSE, &frame(1, 0, 1, &[0x88]));
    }
    wire.gap(direction);
    wire.frame(direction, &frame(9, 4, 1, &[]));
    if direction == REQUEST {
        wire.h2_status(1, "200");
    }
    wire.close();
    assert_eq!(wire.summary(), [(name, status)]);
    assert_eq!(wire.out[0].request_number, Some(1));
    let losses = wire.losses();
    assert_eq!(losses.count(Loss::Truncated), 1);
    assert_eq!(losses.count(Loss::Orphan), 1);
}

#[test]
fn a_frame_cut_off_by_a_gap_keeps_its_request() {
    let mut wire = Wire::new(true);
    wire.part(REQUEST, Http2Frame, &headers(1, &request("a"))[..12], true, false);
    wire.gap(REQUEST);
    wire.h2_get(3, "b");
    wire.h2_status(1, "200");
    wire.h2_status(3, "421");
    assert_eq!(
        wire.summary(),
        [("b", Status::Code(421))],
        "the version was not known yet"
    );

    let mut wire = Wire::new(true);
    wire.h2_get(1, "a");
    wire.part(REQUEST, Http2Frame, &headers(3, &request("b"))[..12], true, false);
    wire.gap(REQUEST);
    wire.h2_status(3, "200");
    assert_eq!(wire.summary(), [("?", Status::Code(200))]);
    assert_eq!(wire.out[0].request_number, Some(2));
}

#[rstest]
#[case::frame_between(&headers(3, &request("b")))]
#[case::continuation_of_another_stream(&frame(9, 4, 3, &[]))]
fn a_block_that_something_interrupts_is_lost_alone(#[case] interruption: &[u8]) {
    let mut wire = Wire::new(true);
    wire.frame(REQUEST, &frame(1, 0, 1, &request("a")));
    wire.frame(REQUEST, interruption);
    wire.h2_get(5, "c");
    wire.h2_status(1, "400");
    wire.h2_status(5, "200");
    assert_eq!(
        wire.summary(),
        [("?", Status::Code(400)), ("c", Status::Code(200))]
    );
}

#[test]
fn a_malformed_frame_makes_only_its_direction_unreliable() {
    let mut wire = Wire::new(true);
    wire.frame(REQUEST, &headers(1, &inserting_request("a")));
    wire.frame(RESPONSE, &headers(1, &inserting(8, "421")));
    // More padding than payload.
    wire.frame(REQUEST, &frame(1, 0xc, 3, &[9]));
    wire.frame(REQUEST, &headers(5, &LATEST));
    wire.frame(RESPONSE, &headers(3, &[0xbe]));
    wire.frame(RESPONSE, &headers(5, &[0xbe]));
    let expected = [
        ("a", Status::Code(421)),
        ("?", Status::Code(421)),
        ("?", Status::Code(421)),
    ];
    assert_eq!(wire.summary(), expected);
    assert_eq!(wire.losses().count(Loss::MalformedFrame), 1);
}

#[test]
fn a_malformed_block_leaves_its_request_in_place() {
    let mut wire = Wire::new(true);
    wire.frame(REQUEST, &headers(1, &[0x82, 0x80]));
    wire.h2_get(3, "b");
    wire.h2_status(1, "400");
    wire.h2_status(3, "200");
    assert_eq!(
        wire.summary(),
        [("?", Status::Code(400)), ("b", Status::Code(200))]
    );
    assert_eq!(wire.losses().count(Loss::MalformedBlock), 1);
}

#[test]
fn a_malformed_frame_without_fields_harms_nothing() {
    let mut wire = Wire::new(true);
    wire.frame(REQUEST, &headers(1, &inserting_request("a")));
    wire.frame(REQUEST, &frame(3, 0, 1, &[0]));
    wire.frame(REQUEST, &headers(3, &LATEST));
    wire.close();
    assert_eq!(wire.summary(), [("a", Status::NoneCame), ("a", Status::NoneCame)]);
    assert_eq!(wire.losses().count(Loss::MalformedFrame), 1);
}
