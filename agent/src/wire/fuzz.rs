//! Entry points for fuzzers: any octets go in, and what must hold of ClientHellos is asserted.

use bytemuck::Zeroable as _;
use ebpf::record::{self, Header};

use super::client_hello::{ClientHello, PROTOCOLS, Transport};
use super::hello::{AGE, Assembler, OCTETS, Outcome, Seen};
use super::quic::frame;
use crate::decode::{Datagram, Segment};

/// The octets are a handshake message.
pub fn client_hello(data: &[u8]) {
    for transport in Transport::ALL {
        if let Ok(hello) = ClientHello::parse(data, transport) {
            assert_eq!(hello.random, data[6..38]);
            assert_bounded(&hello);
        }
    }
}

/// The octets are segments of TCP, each behind five octets: flow in the upper half and hundredths of [`AGE`] since
/// the one before in the lower half, offset in two octets and length in two, little-endian.
pub fn segments(data: &[u8]) {
    let (mut assembler, mut out, mut time, mut rest) = (Assembler::default(), Vec::new(), 0, data);
    while let Some((&[flow, offset_low, offset_high, length_low, length_high], tail)) =
        rest.split_first_chunk()
    {
        let length = u16::from_le_bytes([length_low, length_high]);
        let (bytes, tail) = tail.split_at(tail.len().min(length.into()));
        rest = tail;
        time += u64::from(flow & 15) * AGE / 100;
        // So that sequence numbers wrap around.
        let first = u32::MAX - 100;
        let segment = Segment {
            header: header(time),
            flow: self::flow(flow >> 4),
            first,
            sequence: first.wrapping_add(u16::from_le_bytes([offset_low, offset_high]).into()),
            bytes,
        };
        assembler.segment(&segment, &mut out);
        assert!(assembler.weight() <= OCTETS);
    }
    assembler.expire(u64::MAX, &mut out);
    assert_eq!(assembler.weight(), 0);
    assert_consistent(&out);
}

/// The octets are datagrams of UDP, each behind two octets with its length, little-endian.
pub fn datagrams(data: &[u8]) {
    let (mut assembler, mut out, mut rest) = (Assembler::default(), Vec::new(), data);
    while let Some((&length, tail)) = rest.split_first_chunk() {
        let (bytes, tail) = tail.split_at(tail.len().min(u16::from_le_bytes(length).into()));
        rest = tail;
        let datagram = Datagram {
            header: header(0),
            flow: flow(0),
            bytes,
        };
        assembler.datagram(&datagram, &mut out);
        assert!(assembler.weight() <= OCTETS);
    }
    assembler.expire(u64::MAX, &mut out);
    assert_eq!(assembler.weight(), 0);
    assert_consistent(&out);
}

/// The octets are the payload of an Initial packet.
pub fn frames(data: &[u8]) {
    let found = frame::crypto(data).unwrap_or_default();
    assert!(found.iter().map(|crypto| crypto.octets.len()).sum::<usize>() <= data.len());
}

fn header(time: u64) -> Header {
    Header {
        time,
        ..Header::zeroed()
    }
}

fn flow(number: u8) -> record::Flow {
    record::Flow {
        family: 2,
        source_port: number.into(),
        destination_port: 443,
        ..record::Flow::zeroed()
    }
}

fn assert_bounded(hello: &ClientHello) {
    assert!(hello.protocols.len() <= PROTOCOLS);
    // An octet that is escaped becomes four characters.
    assert!(
        hello
            .server_name
            .as_sent()
            .is_none_or(|name| (1..=4 * 255).contains(&name.len()))
    );
    assert!(hello.protocols.iter().all(|protocol| protocol.len() <= 4 * 255));
    let texts = hello
        .server_name
        .as_sent()
        .into_iter()
        .chain(hello.protocols.iter().map(String::as_str));
    for text in texts.chain([hello.ja4.as_str()]) {
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    assert_eq!(hello.ja4.len(), 36);
}

/// With a ClientHello where it should be, and none told twice of one flow, unless it was forgotten meanwhile.
fn assert_consistent(out: &[Seen]) {
    for (index, seen) in out.iter().enumerate() {
        let told = matches!(
            seen.result,
            Outcome::Complete | Outcome::Retried | Outcome::Repeated
        );
        assert_eq!(seen.hello.is_some(), told, "{seen:?}");
        let Some(hello) = &seen.hello else { continue };
        assert_bounded(hello);
        let earlier = out[..index].iter().filter(|earlier| earlier.flow == seen.flow);
        let mut same = earlier.filter(|earlier| {
            earlier.result == Outcome::Complete
                && earlier
                    .hello
                    .as_ref()
                    .is_some_and(|other| other.random == hello.random)
        });
        assert!(
            seen.result != Outcome::Complete || same.next().is_none(),
            "{seen:?}"
        );
    }
}
