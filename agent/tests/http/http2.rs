//! HTTP/2 conversations that were seen whole.

use ebpf::record::{Content::Http2Frame, Direction};
use rstest::rstest;
use wrongway::http::{Authority, AuthoritySource, Known, Loss, Pairing, Protocol, Status};

use crate::wire::{REQUEST, RESPONSE, Wire, frame, headers, inserting, literal, present, request, spelled};

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

#[test]
fn an_exchange_carries_what_its_heads_said() {
    let mut wire = Wire::new(true);
    wire.h2_get(1, "a.example");
    wire.h2_status(1, "421");
    let exchange = &wire.out[0];
    assert_eq!(exchange.request_number, Some(1));
    assert_eq!(exchange.stream_id, Some(1));
    assert_eq!(exchange.protocol, Protocol::H2);
    assert_eq!(exchange.request_direction, REQUEST);
    assert_eq!(exchange.method, Known::Yes("GET".into()));
    assert_eq!(exchange.authority, present("a.example", AuthoritySource::Pseudo));
    assert_eq!(exchange.host, Known::Yes(vec![]));
    assert_eq!(exchange.extended_connect, Known::Yes(false));
    assert_eq!(exchange.status, Status::Code(421));
    assert_eq!(exchange.pairing, Pairing::Certain);
    assert_eq!(
        (exchange.requested_at, exchange.answered_at, exchange.completed_at),
        (1, Some(2), 2)
    );
    assert!(wire.losses().is_empty());
}

#[test]
fn interleaved_streams_complete_in_the_order_of_their_responses() {
    let mut wire = Wire::new(true);
    for (stream, authority) in [(1, "a"), (3, "b"), (5, "c")] {
        wire.h2_get(stream, authority);
    }
    for (stream, status) in [(5, "200"), (1, "421"), (3, "404")] {
        wire.h2_status(stream, status);
    }
    let expected = [
        ("c", Status::Code(200)),
        ("a", Status::Code(421)),
        ("b", Status::Code(404)),
    ];
    assert_eq!(wire.summary(), expected);
    let numbers: Vec<_> = wire.out.iter().map(|exchange| exchange.request_number).collect();
    assert_eq!(numbers, [Some(3), Some(1), Some(2)]);
}

#[test]
fn entries_of_the_dynamic_table_are_followed() {
    let mut wire = Wire::new(true);
    wire.frame(
        REQUEST,
        &headers(1, &[&[0x82, 0x87, 0x84][..], &inserting(1, "a")].concat()),
    );
    wire.frame(REQUEST, &headers(3, &[0x82, 0x87, 0x84, 0xbe]));
    wire.frame(RESPONSE, &headers(1, &inserting(8, "421")));
    wire.frame(RESPONSE, &headers(3, &[0xbe]));
    assert_eq!(
        wire.summary(),
        [("a", Status::Code(421)), ("a", Status::Code(421))]
    );
}

#[test]
fn padding_and_priority_are_skipped() {
    let mut wire = Wire::new(true);
    let payload = [&[2, 0x80, 0, 0, 0, 16][..], &request("a"), &[0, 0]].concat();
    wire.frame(REQUEST, &frame(1, END_HEADERS | 0x8 | 0x20, 1, &payload));
    wire.h2_status(1, "200");
    assert_eq!(wire.summary(), [("a", Status::Code(200))]);
}

#[test]
fn continuations_complete_a_block_wherever_it_is_split() {
    let block = request("a.example");
    for first in 0..block.len() {
        for second in first..block.len() {
            let mut wire = Wire::new(true);
            wire.frame(REQUEST, &frame(1, END_STREAM, 1, &block[..first]));
            wire.frame(REQUEST, &frame(9, 0, 1, &block[first..second]));
            wire.frame(REQUEST, &frame(9, END_HEADERS, 1, &block[second..]));
            wire.h2_status(1, "200");
            assert_eq!(wire.summary(), [("a.example", Status::Code(200))]);
            assert_eq!(wire.out[0].requested_at, 1);
        }
    }
}

#[rstest]
#[case::server(Direction::Read, Direction::Write)]
#[case::client(Direction::Write, Direction::Read)]
fn the_first_head_tells_which_way_requests_go(
    #[case] request_way: Direction,
    #[case] response_way: Direction,
) {
    let mut wire = Wire::new(true);
    wire.frame(response_way, &frame(4, 0, 0, &[]));
    assert_eq!(wire.conversation.request_direction(), None);
    wire.frame(request_way, &headers(1, &request("a")));
    assert_eq!(wire.conversation.request_direction(), Some(request_way));
}

#[test]
fn interim_heads_and_trailers_of_either_side_are_no_answers() {
    let mut wire = Wire::new(true);
    let trailers = spelled("grpc-status", "0");
    wire.h2_get(1, "a");
    wire.h2_status(1, "103");
    wire.frame(REQUEST, &headers(1, &trailers));
    assert_eq!(wire.out, []);
    wire.h2_status(1, "200");
    wire.frame(REQUEST, &headers(1, &trailers));
    wire.frame(RESPONSE, &headers(1, &trailers));
    wire.close();
    assert_eq!(wire.statuses(), [Status::Code(200)]);
    assert!(wire.losses().is_empty());
}

#[test]
fn trailers_keep_the_table_in_step() {
    let mut wire = Wire::new(true);
    wire.h2_get(1, "a");
    wire.h2_status(1, "200");
    wire.frame(RESPONSE, &headers(1, &inserting(8, "421")));
    wire.h2_get(3, "a");
    wire.frame(RESPONSE, &headers(3, &[0xbe]));
    assert_eq!(wire.statuses(), [Status::Code(200), Status::Code(421)]);
}

#[rstest]
#[case::by_the_client(REQUEST)]
#[case::by_the_server(RESPONSE)]
fn a_reset_stream_gets_no_status(#[case] direction: Direction) {
    let mut wire = Wire::new(true);
    wire.h2_get(1, "a");
    wire.h2_get(3, "b");
    wire.frame(direction, &frame(3, 0, 1, &[0, 0, 0, 8]));
    assert_eq!(wire.summary(), [("a", Status::NoneCame)]);
    wire.h2_status(1, "200");
    wire.h2_status(3, "200");
    wire.frame(direction, &frame(3, 0, 3, &[0, 0, 0, 8]));
    assert_eq!(wire.statuses(), [Status::NoneCame, Status::Code(200)]);
    assert!(wire.losses().is_empty());
}

#[test]
fn streams_that_goaway_refused_get_no_status_when_the_connection_ends() {
    let mut wire = Wire::new(true);
    wire.h2_get(1, "a");
    wire.h2_get(3, "b");
    wire.frame(RESPONSE, &frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]));
    wire.gap(RESPONSE);
    assert_eq!(wire.out, []);
    wire.close();
    assert_eq!(wire.summary(), [("a", Status::Unknown), ("b", Status::NoneCame)]);
}

#[test]
fn a_promise_keeps_the_table_in_step_and_is_no_exchange() {
    let mut wire = Wire::new(true);
    wire.h2_get(1, "a");
    let promised = [
        &[0, 0, 0, 2, 0x82, 0x87, 0x84][..],
        &literal(1, "a"),
        &inserting(8, "421"),
    ]
    .concat();
    wire.frame(RESPONSE, &frame(5, END_HEADERS, 1, &promised));
    wire.frame(RESPONSE, &headers(2, &[0x88]));
    wire.frame(RESPONSE, &headers(1, &[0xbe]));
    wire.close();
    assert_eq!(wire.summary(), [("a", Status::Code(421))]);
}

#[rstest]
#[case::authority_only(&literal(1, "a"), present("a", AuthoritySource::Pseudo), &[])]
#[case::host_only(&literal(38, "b"), Authority::Absent, &["b"])]
#[case::both(&[literal(1, "a"), literal(38, "b")].concat(), present("a", AuthoritySource::Pseudo), &["b"])]
#[case::empty(&[0x01, 0x00], present("", AuthoritySource::Pseudo), &[])]
#[case::neither(&[], Authority::Absent, &[])]
fn authority_and_host_are_told_apart(
    #[case] fields: &[u8],
    #[case] authority: Authority,
    #[case] hosts: &[&str],
) {
    let mut wire = Wire::new(true);
    wire.frame(REQUEST, &headers(1, &[&[0x82, 0x87, 0x84], fields].concat()));
    wire.h2_status(1, "200");
    assert_eq!(wire.out[0].authority, authority);
    assert_eq!(
        wire.out[0].host,
        Known::Yes(hosts.iter().map(|&host| host.to_owned()).collect())
    );
}

#[rstest]
#[case::plain(&[], false)]
#[case::extended(&spelled(":protocol", "websocket"), true)]
fn extended_connect_is_recognised(#[case] fields: &[u8], #[case] extended: bool) {
    let mut wire = Wire::new(true);
    wire.frame(
        REQUEST,
        &headers(
            1,
            &[&literal(2, "CONNECT"), fields, &literal(1, "a:443")].concat(),
        ),
    );
    wire.h2_status(1, "200");
    assert_eq!(wire.out[0].method, Known::Yes("CONNECT".into()));
    assert_eq!(wire.out[0].extended_connect, Known::Yes(extended));
}

#[test]
fn an_authority_given_twice_is_unknown() {
    let mut wire = Wire::new(true);
    wire.frame(REQUEST, &headers(1, &[request("a"), literal(1, "b")].concat()));
    wire.h2_status(1, "400");
    assert_eq!(wire.summary(), [("?", Status::Code(400))]);
    assert_eq!(wire.losses().count(Loss::MalformedHead), 1);
}

#[rstest]
#[case::no_number("abc")]
#[case::four_digits("0200")]
#[case::signed("+20")]
fn a_malformed_status_is_unknown(#[case] status: &str) {
    let mut wire = Wire::new(true);
    wire.h2_get(1, "a");
    wire.h2_status(1, status);
    assert_eq!(wire.statuses(), [Status::Unknown]);
    assert_eq!(wire.losses().count(Loss::MalformedHead), 1);
}

#[rstest]
#[case::before_its_acknowledgement(false)]
#[case::after_its_acknowledgement(true)]
fn a_table_may_grow_as_far_as_settings_allow(#[case] acknowledged: bool) {
    let mut wire = Wire::new(true);
    wire.frame(RESPONSE, &frame(4, 0, 0, &[0, 1, 0, 1, 0, 0]));
    if acknowledged {
        wire.frame(REQUEST, &frame(4, 1, 0, &[]));
    }
    let grown = [&[0x3f, 0xe1, 0xff, 0x03][..], &request("a")].concat();
    wire.frame(REQUEST, &headers(1, &grown));
    wire.h2_status(1, "200");
    assert_eq!(wire.summary(), [("a", Status::Code(200))]);
    assert!(wire.losses().is_empty());
}

#[test]
fn a_table_that_grows_beyond_settings_breaks_its_block_only() {
    let mut wire = Wire::new(true);
    wire.frame(
        REQUEST,
        &headers(1, &[&[0x3f, 0xe1, 0xff, 0x03][..], &request("a")].concat()),
    );
    wire.h2_get(3, "b");
    wire.h2_status(1, "200");
    wire.h2_status(3, "421");
    assert_eq!(
        wire.summary(),
        [("?", Status::Code(200)), ("b", Status::Code(421))]
    );
    assert_eq!(wire.losses().count(Loss::MalformedBlock), 1);
}

#[test]
fn identifiers_of_the_server_in_the_direction_of_requests_are_refused() {
    let mut wire = Wire::new(true);
    wire.h2_get(1, "a");
    wire.h2_get(2, "b");
    wire.close();
    assert_eq!(wire.summary(), [("a", Status::NoneCame)]);
    assert_eq!(wire.losses().count(Loss::MalformedFrame), 1);
}

#[test]
fn streams_without_end_cost_no_memory_and_the_oldest_is_given_up() {
    let mut wire = Wire::new(true);
    for stream in 0..1030 {
        wire.h2_get(2 * stream + 1, "a");
    }
    assert_eq!(wire.statuses(), [Status::Unknown; 6]);
    assert_eq!(wire.out[0].stream_id, Some(1));
    assert_eq!(wire.losses().count(Loss::TooManyRequests), 6);
}

#[test]
fn a_block_without_end_costs_no_memory() {
    let mut wire = Wire::new(true);
    wire.frame(REQUEST, &frame(1, 0, 1, &request("a")));
    for _ in 0..100 {
        wire.frame(REQUEST, &frame(9, 0, 1, &[0; 16_384]));
    }
    wire.frame(REQUEST, &frame(9, END_HEADERS, 1, &[]));
    wire.h2_status(1, "431");
    assert_eq!(wire.summary(), [("?", Status::Code(431))]);
    assert_eq!(wire.losses().count(Loss::TooLong), 1);
}

#[test]
fn a_frame_may_come_in_any_number_of_pieces() {
    let bytes = headers(1, &request("a.example"));
    for split in 0..=bytes.len() {
        let mut wire = Wire::new(true);
        wire.part(REQUEST, Http2Frame, &bytes[..split], true, false);
        wire.part(REQUEST, Http2Frame, &bytes[split..], false, true);
        wire.h2_status(1, "200");
        assert_eq!(wire.summary(), [("a.example", Status::Code(200))]);
    }
}
