//! QUIC; that TCP does the same is tested from outside.

use bytemuck::Zeroable as _;
use ebpf::record::{self, Header};
use proptest::prelude::*;

use super::*;
use crate::wire::quic::Version;
use crate::wire::quic::sealed::{crypto, initial};

const ORIGINAL: &[u8] = b"original";
const CHOSEN: &[u8] = b"by server";
const CHROME: &[u8] = include_bytes!("../../../tests/corpus/client_hello/chrome");
const FIRST: &[u8] = include_bytes!("../../../tests/corpus/client_hello/retry_first");
const SECOND: &[u8] = include_bytes!("../../../tests/corpus/client_hello/retry_second");

/// A wire on which one client sends.
#[derive(Default)]
struct Wire {
    assembler: Assembler,
    time: u64,
    port: u16,
    out: Vec<Seen>,
}

impl Wire {
    fn send(&mut self, bytes: &[u8]) {
        let datagram = Datagram {
            header: Header {
                time: self.time,
                ..Header::zeroed()
            },
            flow: record::Flow {
                family: 2,
                source_port: self.port,
                destination_port: 443,
                ..record::Flow::zeroed()
            },
            bytes,
        };
        self.assembler.datagram(&datagram, &mut self.out);
        assert!(self.assembler.weight() <= OCTETS);
    }

    /// Sends CRYPTO frames with keys of [`ORIGINAL`].
    fn frames(&mut self, destination: &[u8], number: u16, frames: &[u8]) {
        self.send(&initial(Version::One, ORIGINAL, destination, number, frames));
    }

    fn results(&mut self) -> Vec<Outcome> {
        self.out.drain(..).map(|seen| seen.result).collect()
    }
}

fn captured(name: &str) -> Vec<Vec<u8>> {
    let path = format!(
        "{}/tests/corpus/quic_datagrams/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    let file = std::fs::read(path).unwrap();
    let (mut datagrams, mut rest) = (Vec::new(), &file[..]);
    while let Some((length, tail)) = rest.split_first_chunk() {
        let (datagram, tail) = tail.split_at(u16::from_le_bytes(*length).into());
        datagrams.push(datagram.to_vec());
        rest = tail;
    }
    datagrams
}

#[test]
fn datagrams_may_come_in_any_order_and_twice() {
    for name in ["chromium", "boringssl"] {
        let datagrams = captured(name);
        assert_eq!(datagrams.len(), 2);
        for order in [[0, 1, 0], [1, 0, 1], [1, 1, 0]] {
            let mut wire = Wire::default();
            for index in order {
                wire.send(&datagrams[index]);
            }
            assert_eq!(wire.results(), [Outcome::Complete], "{name} {order:?}");
        }
    }
}

#[test]
fn datagrams_that_segmentation_offload_shows_as_one_are_read() {
    let mut wire = Wire::default();
    wire.send(&captured("chromium").concat());
    assert_eq!(wire.results(), [Outcome::Complete]);
}

#[test]
fn a_client_that_goes_on_to_the_server_s_choice_is_followed() {
    let mut wire = Wire::default();
    wire.frames(ORIGINAL, 0, &crypto(0, &CHROME[..900]));
    wire.frames(CHOSEN, 300, &crypto(900, &CHROME[900..]));
    assert_eq!(wire.results(), [Outcome::Complete]);
    wire.frames(CHOSEN, 301, b"\x02\x01\x00\x00\x01");
    assert_eq!(wire.results(), [], "its acknowledgement is known for what it is");
}

#[test]
fn what_its_own_destination_does_not_open_is_not_of_a_client() {
    for name in ["rfc_9001_server", "rfc_9369_server"] {
        let mut wire = Wire::default();
        wire.send(&captured(name)[0]);
        assert_eq!(wire.results(), [Outcome::NotClient]);
    }
    let mut damaged = captured("rfc_9001_client").remove(0);
    damaged[600] ^= 1;
    let mut wire = Wire::default();
    wire.send(&damaged);
    assert_eq!(wire.results(), [Outcome::NotClient]);
}

#[test]
fn a_second_hello_on_the_same_stream_is_retried() {
    let mut wire = Wire::default();
    wire.frames(ORIGINAL, 0, &crypto(0, FIRST));
    wire.frames(CHOSEN, 1, &crypto(FIRST.len(), &SECOND[..100]));
    assert_eq!(wire.results(), [Outcome::Complete]);
    wire.time = 7;
    wire.frames(CHOSEN, 2, &crypto(FIRST.len() + 100, &SECOND[100..]));
    assert_eq!(wire.results(), [Outcome::Retried]);
}

#[test]
fn after_a_retry_the_same_hello_is_told_once() {
    let mut wire = Wire::default();
    wire.frames(ORIGINAL, 0, &crypto(0, &CHROME[..900]));
    let again = initial(Version::One, CHOSEN, CHOSEN, 1, &crypto(0, CHROME));
    wire.send(&again);
    wire.send(&again);
    wire.assembler.expire(u64::MAX, &mut wire.out);
    assert_eq!(wire.results(), [Outcome::Complete]);
    assert_eq!(wire.assembler.weight(), 0);
}

#[test]
fn several_connections_from_one_port_are_told() {
    let mut wire = Wire::default();
    for (destination, hello) in [(&b"first one"[..], CHROME), (b"other one", FIRST)] {
        wire.send(&initial(
            Version::Two,
            destination,
            destination,
            0,
            &crypto(0, hello),
        ));
    }
    assert_eq!(wire.results(), [Outcome::Complete; 2]);
}

#[test]
fn what_keeps_a_hello_from_being_told_is_named() {
    let cases = [
        (crypto(0, b"\x01\x01\0\0"), Outcome::TooLong),
        (crypto(LONGEST, b"x"), Outcome::TooLong),
        (crypto(0, b"\x02\0\0\0"), Outcome::NotClient),
        (crypto(0, b"\x01\0\0\x02\x03\x03"), Outcome::Malformed),
        (b"\x08\0x".to_vec(), Outcome::Malformed),
    ];
    for (frames, outcome) in cases {
        let mut wire = Wire::default();
        wire.frames(ORIGINAL, 0, &frames);
        wire.frames(ORIGINAL, 1, &crypto(0, CHROME));
        assert_eq!(wire.results(), [outcome], "{frames:x?}");
    }
}

#[test]
fn a_contradiction_is_told_beside_the_hello_that_came_first() {
    let mut wire = Wire::default();
    wire.frames(ORIGINAL, 0, &crypto(0, &CHROME[..900]));
    wire.frames(ORIGINAL, 1, &crypto(100, &[0; 50]));
    wire.frames(ORIGINAL, 2, &crypto(900, &CHROME[900..]));
    let hello = wire.out.last().unwrap().hello.clone().unwrap();
    assert_eq!(hello.server_name.as_sent(), Some("shop.example"));
    assert_eq!(wire.results(), [Outcome::Contradicting, Outcome::Complete]);
}

#[test]
fn what_does_not_come_in_time_is_incomplete() {
    let mut wire = Wire::default();
    wire.frames(ORIGINAL, 0, &crypto(0, &CHROME[..900]));
    wire.assembler.expire(AGE, &mut wire.out);
    assert_eq!(wire.results(), []);
    wire.assembler.expire(AGE + 1, &mut wire.out);
    assert_eq!(wire.results(), [Outcome::Incomplete]);
    assert_eq!(wire.assembler.weight(), 0);
}

#[test]
fn the_flow_that_has_waited_longest_makes_room() {
    let mut wire = Wire::default();
    let part = initial(Version::One, ORIGINAL, ORIGINAL, 0, &crypto(0, &CHROME[..900]));
    for port in 0..=u16::try_from(FLOWS).unwrap() {
        wire.port = port;
        wire.send(&part);
    }
    assert_eq!(wire.out.len(), 1);
    assert_eq!(
        (wire.out[0].result, wire.out[0].flow.source.port()),
        (Outcome::Crowded, 0)
    );
}

#[test]
fn connections_on_one_flow_are_bounded() {
    let mut wire = Wire::default();
    for number in 0..100_u64 {
        let destination = number.to_be_bytes();
        wire.send(&initial(
            Version::One,
            &destination,
            &destination,
            0,
            &crypto(1, &[0; 1000]),
        ));
    }
    assert_eq!(wire.results(), vec![Outcome::Crowded; 100 - bounds::CONNECTIONS]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn frames_of_any_length_in_any_order_give_the_same_hello(
        order in prop::collection::vec(1..200_usize, 12..20).prop_flat_map(|lengths| {
            let mut at = 0;
            let pieces: Vec<_> = lengths.into_iter().map(|length| {
                let start = at;
                at = (at + length).min(CHROME.len());
                (start, at)
            }).chain([(1000, CHROME.len())]).collect();
            Just([pieces.clone(), pieces].concat()).prop_shuffle()
        }),
        per_packet in 1..5_usize,
    ) {
        let mut wire = Wire::default();
        for (number, pieces) in order.chunks(per_packet).enumerate() {
            let frames: Vec<u8> = pieces.iter().flat_map(|&(start, end)| crypto(start, &CHROME[start..end])).collect();
            wire.frames(ORIGINAL, u16::try_from(number).unwrap(), &frames);
        }
        wire.frames(ORIGINAL, 99, &crypto(0, CHROME));
        prop_assert_eq!(wire.results(), [Outcome::Complete]);
    }

    #[test]
    fn frames_of_any_kind_are_taken(payloads in prop::collection::vec(prop::collection::vec(0..9_u8, 16..80), 1..9)) {
        let mut wire = Wire::default();
        for (number, payload) in payloads.iter().enumerate() {
            wire.frames(ORIGINAL, u16::try_from(number).unwrap(), payload);
        }
        wire.assembler.expire(u64::MAX, &mut wire.out);
        prop_assert_eq!(wire.assembler.weight(), 0);
    }
}
