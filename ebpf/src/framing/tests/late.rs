//! HTTP/2 on connections that are older than the probes.

use super::*;

const HEADERS: u8 = 1;
const END_HEADERS: u8 = 4;

fn headers(stream: u8) -> Vec<u8> {
    let mut headers = frame(HEADERS, stream, b"fields");
    headers[4] = END_HEADERS;
    headers
}

/// A DATA frame.
fn body(stream: u8, payload: &[u8]) -> Vec<u8> {
    let mut body = frame(0, stream, &[]);
    body[1..3].copy_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
    body.extend(payload);
    body
}

#[test]
fn a_frame_that_fills_its_call_is_handed_up() {
    let mut host = Host::late_http2();
    host.call(Read, b"the rest of a body");
    host.call(Read, &headers(5));
    assert_eq!(host.frames(Read), [HEADERS]);
    assert_ne!(host.framing.streams[0].flags & RESYNCHRONISED, 0);
}

#[test]
fn frames_in_a_row_are_handed_up() {
    let mut host = Host::late_http2();
    let long = body(5, &[0; 300]);
    host.call(Write, &[headers(5), long[..100].to_vec()].concat());
    host.call(Write, &long[100..]);
    host.call(Write, &headers(7));
    assert_eq!(host.frames(Write), [HEADERS, HEADERS]);
}

#[test]
fn of_a_frame_that_goes_on_elsewhere_the_next_must_tell() {
    let mut host = Host::late_http2();
    let first = headers(5);
    host.call(Read, &first[..9]);
    host.call(Read, &first[9..]);
    host.call(Read, &headers(7)[..9]);
    host.call(Read, &headers(7)[9..]);
    assert_eq!(host.frames(Read), [HEADERS]);
}

#[test]
fn a_call_that_ends_inside_the_next_header_hides_nothing_for_good() {
    let mut host = Host::late_http2();
    let data = [headers(5), headers(7), headers(9)].concat();
    host.call(Read, &data[..20]);
    host.call(Read, &data[20..]);
    assert_eq!(host.frames(Read), [HEADERS, HEADERS]);
}

#[test]
fn a_preface_is_followed_by_its_settings() {
    let mut host = Host::late_http2();
    host.call(Read, &[PREFACE, &frame(4, 0, &[0; 6])].concat());
    host.call(Read, &headers(1));
    assert_eq!(host.frames(Read), [4, HEADERS]);
}

#[test]
fn a_misjudged_entry_is_left_and_another_found() {
    let mut host = Host::late_http2();
    host.call(Read, &headers(5));
    let before = host.framing.streams[0].entry;
    host.framing.streams[0].sequence = 1;
    host.call(Read, b"what no frame header begins with");
    assert_eq!(host.phase(Read), Phase::Search as u8);
    host.call(Read, &headers(7));
    assert_eq!(host.frames(Read), [HEADERS, HEADERS]);
    assert_ne!(host.framing.streams[0].entry, before);
}

#[test]
fn a_connection_known_to_speak_http2_is_not_read_as_http1() {
    let mut host = Host::late_http2();
    host.call(Read, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(host.kept, []);
    assert_eq!(host.phase(Read), Phase::Search as u8);
}

#[test]
fn a_connection_known_to_speak_something_else_is_not_read_as_http2() {
    let mut host = Host::late_speaking(Protocol::Other);
    host.call(Read, &[headers(5), headers(7)].concat());
    assert_eq!(host.kept, []);
    host.call(Read, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(host.heads(Read), ["GET / HTTP/1.1"]);
}

#[test]
fn without_alpn_a_frame_alone_is_not_enough() {
    let mut host = Host::late();
    host.call(Read, &headers(5));
    host.call(Read, &headers(7)[..9]);
    assert_eq!(host.kept, []);
    host.call(Read, &[headers(5), headers(7)].concat());
    assert_eq!(host.frames(Read), [HEADERS, HEADERS]);
}

proptest! {
    /// Two headers in a row pass once in 2^44 times, and these are random.
    #[test]
    fn random_octets_are_no_frames(calls in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..20)) {
        let mut host = Host::late_http2();
        for data in calls {
            host.call(Read, &data);
        }
        prop_assert_eq!(host.kept, []);
    }

    #[test]
    fn wherever_a_direction_is_entered_only_its_frames_are_kept(
        start in 0..400_usize,
        cuts in prop::collection::vec(1_usize..60, 1..60),
    ) {
        // Octets that are no frames wherever one looks.
        let mut data = Vec::new();
        for stream in [1, 3, 5, 7, 9] {
            data.extend(headers(stream));
            data.extend(body(stream, &[0xff; 70]));
        }
        let mut host = Host::late_http2();
        let mut rest = &data[start..];
        for size in cuts.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at(size.min(rest.len()));
            host.call(Read, now);
            rest = later;
        }
        for (_, kept) in host.kept {
            prop_assert_eq!(kept, Kept::Frame(HEADERS, b"fields".to_vec()));
        }
    }
}
