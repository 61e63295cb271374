//! What may be entered, and what may not.

use super::*;

#[test]
fn only_h2_is_http2() {
    let name = |text: &[u8]| {
        let mut name = [0; ALPN];
        name[..text.len()].copy_from_slice(text);
        name
    };
    let chosen = AlpnState::Chosen as u8;
    assert_eq!(Protocol::chosen(chosen, &name(b"h2"), 2), Protocol::Http2);
    assert_eq!(Protocol::chosen(chosen, &name(b"h2c"), 3), Protocol::Other);
    assert_eq!(Protocol::chosen(chosen, &name(b"http/1.1"), 8), Protocol::Other);
    let absent = AlpnState::Absent as u8;
    assert_eq!(Protocol::chosen(absent, &name(b""), 0), Protocol::Other);
    let unknown = AlpnState::Unknown as u8;
    assert_eq!(Protocol::chosen(unknown, &name(b"h2"), 2), Protocol::Unknown);
}

fn header(length: u32, kind: u8, flags: u8, stream: u32) -> Header {
    let [_, high, middle, low] = length.to_be_bytes();
    let [a, b, c, d] = stream.to_be_bytes();
    [high, middle, low, kind, flags, a, b, c, d]
}

/// `length` octets of a call that begins with these.
fn found(octets: &[u8], length: usize) -> Entry {
    let mut data = octets.to_vec();
    data.resize(length, 0xff);
    find(length as u64, |at| {
        let at = usize::try_from(at).unwrap();
        Some(data[at..at + 9].try_into().unwrap())
    })
}

#[test]
fn frames_of_every_type_in_use_pass() {
    for good in [
        header(0, DATA, 1, 1),
        header(16_384, DATA, 9, 0x7fff_ffff),
        header(1, HEADERS, 0x2d, 3),
        header(5, PRIORITY, 0, 3),
        header(4, RST_STREAM, 0, 3),
        header(0, SETTINGS, 1, 0),
        header(18, SETTINGS, 0, 0),
        header(20, PUSH_PROMISE, 4, 3),
        header(8, PING, 1, 0),
        header(8, GOAWAY, 0, 0),
        header(30, GOAWAY, 0, 0),
        header(4, WINDOW_UPDATE, 0, 0),
        header(4, WINDOW_UPDATE, 0, 7),
        header(9, CONTINUATION, 4, 7),
        header(9, ALTSVC, 0, 0),
        header(9, ORIGIN, 0, 0),
        header(9, PRIORITY_UPDATE, 0, 0),
    ] {
        assert!(follows(&good), "{good:?}");
    }
}

#[test]
fn what_breaks_the_rules_of_its_type_does_not() {
    for bad in [
        header(16_385, HEADERS, 4, 1),
        header(0, HEADERS, 4, 1),
        header(5, HEADERS, 4, 0),
        header(5, HEADERS, 4, 0x8000_0001),
        header(5, HEADERS, 6, 1),
        header(5, DATA, 4, 1),
        header(5, DATA, 0, 0),
        header(1_048_577, DATA, 0, 1),
        header(4, PRIORITY, 0, 1),
        header(5, RST_STREAM, 0, 1),
        header(6, SETTINGS, 1, 0),
        header(5, SETTINGS, 0, 0),
        header(6, SETTINGS, 0, 1),
        header(8, PING, 0, 1),
        header(7, PING, 0, 0),
        header(7, GOAWAY, 0, 0),
        header(8, GOAWAY, 0, 1),
        header(5, WINDOW_UPDATE, 0, 1),
        header(4, WINDOW_UPDATE, 1, 1),
        header(4, 0xb, 0, 0),
    ] {
        assert!(!follows(&bad), "{bad:?}");
    }
}

#[test]
fn one_header_is_enough_only_where_its_frame_fills_the_data() {
    let first = header(20, HEADERS, 4, 1);
    assert_eq!(found(&first, 29), Entry::Filled);
    assert_eq!(found(&first, 9), Entry::Open);
    assert_eq!(found(&first, 29 + 8), Entry::Open);
    assert_eq!(found(&first, 29 + 9), Entry::Refused);
}

#[test]
fn a_second_header_confirms_the_first() {
    let mut data = header(2, HEADERS, 4, 1).to_vec();
    data.extend([0x88, 0x88]);
    data.extend(header(100, DATA, 1, 1));
    assert_eq!(found(&data, 40), Entry::Chained);
    data[14] = 0xb;
    assert_eq!(found(&data, 40), Entry::Refused);
}

#[test]
fn the_middle_of_a_block_is_no_place_to_enter() {
    assert_eq!(found(&header(20, CONTINUATION, 4, 1), 29), Entry::Refused);
}

#[test]
fn the_preface_is_recognised() {
    assert_eq!(found(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24), Entry::Preface);
    assert_eq!(found(b"PRI * HTT", 8), Entry::Refused);
}
