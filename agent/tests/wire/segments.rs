//! ClientHellos in segments of TCP.

use rstest::rstest;
use wrongway::wire::hello::{AGE, FLOWS, LONGEST, OCTETS, Outcome};

use crate::sender::{Sender, flow, message, records, stream};

#[test]
fn one_segment_is_told_with_its_flow_interface_and_time() {
    let mut sender = Sender {
        time: 77,
        ..Sender::default()
    };
    sender.segment(0, &stream("curl"));
    let seen = &sender.out[0];
    assert_eq!(seen.flow.source, "10.0.0.2:1000".parse().unwrap());
    assert_eq!(seen.flow.destination, "10.0.0.1:443".parse().unwrap());
    assert_eq!((seen.interface, seen.time), (3, 77));
}

#[test]
fn the_same_on_other_interfaces_is_told_once() {
    let (mut sender, stream) = (Sender::default(), stream("curl"));
    for interface in [3, 3, 8, 9] {
        sender.flow.interface = interface;
        sender.segment(0, &stream);
    }
    assert_eq!(sender.results(), [Outcome::Complete]);
    // As IPv6 sockets show IPv4.
    let mapped = &mut sender.flow;
    (mapped.source, mapped.destination, mapped.family) = ([0; 16], [0; 16], 10);
    mapped.source[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 2]);
    mapped.destination[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
    sender.segment(0, &stream);
    assert_eq!(sender.results(), []);
}

#[test]
fn behind_translation_of_addresses_it_is_repeated_with_its_other_flow() {
    let (mut sender, stream) = (Sender::default(), stream("curl"));
    sender.segment(0, &stream);
    sender.flow = flow([192, 0, 2, 1], 40_000);
    sender.flow.interface = 5;
    for _ in 0..2 {
        sender.segment(0, &stream);
    }
    let [first, repeated] = &sender.out[..] else {
        panic!("{:?}", sender.results());
    };
    assert_eq!(
        (first.result, repeated.result),
        (Outcome::Complete, Outcome::Repeated)
    );
    assert_eq!(repeated.flow.source, "192.0.2.1:40000".parse().unwrap());
    assert_eq!(repeated.interface, 5);
    assert_eq!(repeated.hello, first.hello);
}

#[test]
fn the_second_hello_of_a_connection_is_retried() {
    let mut sender = Sender::default();
    let (first, second) = (stream("retry_first"), stream("retry_second"));
    let second = [&b"\x14\x03\x03\0\x01\x01"[..], &second].concat();
    sender.segment(0, &first);
    sender.first = u32::try_from(first.len()).unwrap();
    for _ in 0..2 {
        sender.segment(0, &second[..200]);
        sender.segment(200, &second[200..]);
    }
    assert_eq!(sender.results(), [Outcome::Complete, Outcome::Retried]);
    sender.flow = flow([192, 0, 2, 1], 40_000);
    sender.segment(0, &second);
    assert_eq!(sender.results(), [Outcome::Repeated]);
}

#[test]
fn what_is_sent_again_after_the_end_is_nothing_new() {
    let (mut sender, stream) = (Sender::default(), stream("chrome"));
    sender.segment(0, &stream[..1000]);
    sender.segment(1000, &stream[1000..]);
    assert_eq!(sender.results(), [Outcome::Complete]);
    sender.segment(1000, &stream[1000..]);
    sender.expire(u64::MAX);
    assert_eq!(sender.results(), []);
}

#[test]
fn a_later_connection_with_the_same_addresses_is_told() {
    let mut sender = Sender::default();
    sender.segment(0, &stream("curl"));
    sender.first = 123_456;
    sender.segment(0, &stream("node"));
    assert_eq!(sender.results(), [Outcome::Complete; 2]);
}

#[test]
fn a_client_whose_random_is_none_has_several_connections_all_the_same() {
    let mut sender = Sender::default();
    sender.segment(0, &stream("curl"));
    let mut other = message("curl");
    let last = other.len() - 1;
    other[last] ^= 1;
    sender.flow.source_port += 1;
    sender.segment(0, &records(&other, usize::MAX));
    assert_eq!(sender.results(), [Outcome::Complete; 2]);
}

#[test]
fn octets_in_front_of_the_start_are_passed_over() {
    let mut sender = Sender {
        first: 3,
        ..Sender::default()
    };
    sender.raw(u32::MAX - 1, &[b"stale", &stream("curl")[..]].concat());
    sender.raw(u32::MAX - 1, b"stale");
    assert_eq!(sender.results(), [Outcome::Complete]);
}

#[test]
fn a_contradiction_is_told_beside_the_hello_that_came_first() {
    let (mut sender, stream) = (Sender::default(), stream("curl"));
    sender.segment(0, &stream[..300]);
    sender.segment(0, &[&stream[..120], b"other.example", &stream[133..300]].concat());
    sender.segment(0, &[0; 300]);
    sender.segment(300, &stream[300..]);
    let hello = sender.out.last().unwrap().hello.clone().unwrap();
    assert_eq!(hello.server_name.as_sent(), Some("shop.example"));
    assert_eq!(sender.results(), [Outcome::Contradicting, Outcome::Complete]);
}

#[rstest]
#[case::start_is_missing(100)]
#[case::end_is_missing(0)]
fn what_does_not_come_in_time_is_incomplete(#[case] from: usize) {
    let mut sender = Sender::default();
    sender.segment(from, &stream("curl")[from..500]);
    sender.expire(1 + AGE);
    assert_eq!(sender.results(), []);
    sender.expire(2 + AGE);
    assert_eq!(sender.results(), [Outcome::Incomplete]);
    assert_eq!(sender.assembler.weight(), 0);
}

#[test]
fn records_of_others_tell_that_time_has_passed() {
    let mut sender = Sender::default();
    sender.segment(0, &stream("curl")[..500]);
    sender.flow.source_port += 1;
    sender.time = 2 + AGE;
    sender.segment(0, &stream("node"));
    assert_eq!(sender.results(), [Outcome::Incomplete, Outcome::Complete]);
}

#[rstest]
#[case::http(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", Outcome::NotTls)]
#[case::server_hello(b"\x16\x03\x03\0\x04\x02\0\0\0", Outcome::NotClient)]
#[case::longer_than_is_kept(b"\x16\x03\x01\x40\x00\x01\x01\0\0", Outcome::TooLong)]
#[case::malformed(b"\x16\x03\x01\0\x06\x01\0\0\x02\x03\x03", Outcome::Malformed)]
fn what_keeps_a_hello_from_being_told_is_named_once(#[case] bytes: &[u8], #[case] outcome: Outcome) {
    let mut sender = Sender::default();
    for _ in 0..2 {
        sender.segment(0, bytes);
    }
    sender.segment(bytes.len(), b"more of it");
    sender.expire(u64::MAX);
    assert_eq!(sender.results(), [outcome]);
}

#[test]
fn records_that_make_a_hello_longer_than_is_kept_are_too_long() {
    let mut long = vec![1, 0, 0x60, 0];
    long.resize(4 + 0x6000, 0);
    let stream = records(&long, 1);
    assert!(stream.len() > LONGEST);
    let mut sender = Sender::default();
    for (index, piece) in stream.chunks(16_000).enumerate() {
        sender.segment(16_000 * index, piece);
    }
    assert_eq!(sender.results(), [Outcome::TooLong]);
    assert_eq!(sender.assembler.weight(), 0);
}

#[test]
fn the_flow_that_has_waited_longest_makes_room() {
    let (mut sender, stream) = (Sender::default(), stream("curl"));
    for port in 0..=u16::try_from(FLOWS).unwrap() {
        sender.flow.source_port = port;
        sender.segment(0, &stream[..500]);
    }
    assert_eq!(sender.out.len(), 1);
    assert_eq!(
        (sender.out[0].result, sender.out[0].flow.source.port()),
        (Outcome::Crowded, 0)
    );
}

#[test]
fn octets_in_all_are_bounded() {
    let mut sender = Sender::default();
    let (flows, each) = (OCTETS / LONGEST + 10, LONGEST - 100);
    for port in 0..u16::try_from(flows).unwrap() {
        sender.flow.source_port = port;
        // Not from the start, so that nobody can tell that it is none.
        sender.segment(100, &vec![0; each]);
    }
    let crowded = sender.results();
    assert!((10..20).contains(&crowded.len()), "{}", crowded.len());
    assert!(crowded.iter().all(|result| *result == Outcome::Crowded));
}

#[test]
fn pieces_of_one_are_bounded() {
    let mut sender = Sender::default();
    for offset in (1..8_001).step_by(2) {
        sender.segment(offset, b"x");
    }
    assert_eq!(sender.results(), [Outcome::Crowded]);
    assert_eq!(sender.assembler.weight(), 0);
}
