//! The framing, driven on the host the way the kernel drives it.

use proptest::prelude::*;

mod late;

use super::{Framing, Phase, Plan, RESYNCHRONISED, Step, Stream, entry::Protocol, http2, leap, step};
use crate::record::Direction;

/// What was handed up: heads as text, frames as their type and payload.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    Head(String),
    Frame(u8, Vec<u8>),
}

struct Host {
    /// Feeds bytes one by one.
    slow: bool,
    framing: Framing,
    partial: [Vec<u8>; 2],
    kept: Vec<(Direction, Kept)>,
}

impl Host {
    fn new() -> Self {
        let framing = Framing {
            streams: [Stream::at_the_start(); 2],
            ..Framing::default()
        };
        Self {
            slow: false,
            framing,
            partial: [vec![], vec![]],
            kept: vec![],
        }
    }

    fn late() -> Self {
        let mut host = Self::new();
        host.framing.streams = [Stream::in_the_middle(); 2];
        host
    }

    fn late_http2() -> Self {
        Self::late_speaking(Protocol::Http2)
    }

    fn late_speaking(protocol: Protocol) -> Self {
        let mut host = Self::late();
        host.framing.protocol = protocol as u8;
        host
    }

    /// Types of the frames that were kept.
    fn frames(&self, direction: Direction) -> Vec<u8> {
        let kept = self.kept.iter().filter(|(of, _)| *of == direction);
        kept.filter_map(|(_, kept)| match kept {
            Kept::Frame(kind, _) => Some(*kind),
            Kept::Head(_) => None,
        })
        .collect()
    }

    fn call(&mut self, direction: Direction, data: &[u8]) {
        let index = direction as usize;
        let mut position = 0;
        self.framing.streams[index].begin_call(self.framing.protocol, data.len() as u64, |at| {
            let at = usize::try_from(at).ok()?;
            data.get(at..at + 9)?.try_into().ok()
        });
        while position < data.len() {
            let left = data.len() - position;
            let stream = &mut self.framing.streams[index];
            match stream.plan(&self.framing.requests) {
                Plan::Ignore => position = data.len(),
                Plan::Skip(count) => {
                    let count = usize::try_from(count).unwrap_or(usize::MAX).min(left);
                    stream.pass(count as u64);
                    position += count;
                }
                Plan::Copy(count) => {
                    let count = usize::try_from(count).unwrap().min(left);
                    let done = count as u64 == stream.remaining;
                    stream.pass(count as u64);
                    self.partial[index].extend(&data[position..position + count]);
                    position += count;
                    self.end_frame(direction, done);
                }
                Plan::Step if !self.slow && stream.at_frame_header() && left >= 9 => {
                    let header = data[position..position + 9].try_into().unwrap();
                    let found = http2::header(stream, header);
                    position += 9;
                    self.found(direction, found);
                }
                Plan::Step => {
                    let in_head = stream.in_head();
                    if !self.slow {
                        let mut bytes = [b'\n'; 8];
                        let most = left.min(8);
                        bytes[..most].copy_from_slice(&data[position..position + most]);
                        let taken = leap(stream, u64::from_le_bytes(bytes), most as u64);
                        let taken = usize::try_from(taken).unwrap();
                        if taken > 0 {
                            self.partial[index].extend(&data[position..position + taken]);
                            position += taken;
                            continue;
                        }
                    }
                    let found = step(stream, &mut self.framing.requests, data[position]);
                    if in_head || found == Step::HeadStart {
                        self.partial[index].push(data[position]);
                    }
                    position += 1;
                    self.found(direction, found);
                }
            }
        }
        self.framing.streams[index].offset += data.len() as u64;
    }

    fn found(&mut self, direction: Direction, found: Step) {
        let partial = &mut self.partial[direction as usize];
        match found {
            Step::HeadEnd => {
                let head = String::from_utf8(std::mem::take(partial)).unwrap();
                self.kept.push((direction, Kept::Head(head)));
            }
            Step::FrameEnd if self.framing.streams[direction as usize].remaining == 0 => {
                self.framing.streams[direction as usize].pass(0);
                self.end_frame(direction, true);
            }
            Step::NotHead | Step::Broken | Step::Crowded => partial.clear(),
            _ => {}
        }
    }

    fn end_frame(&mut self, direction: Direction, done: bool) {
        if done {
            let kind = self.framing.streams[direction as usize].frame[3];
            let payload = std::mem::take(&mut self.partial[direction as usize]);
            self.kept.push((direction, Kept::Frame(kind, payload)));
        }
    }

    fn heads(&self, direction: Direction) -> Vec<&str> {
        let heads = self.kept.iter().filter(|(of, _)| *of == direction);
        heads
            .map(|(_, kept)| match kept {
                Kept::Head(head) => head.lines().next().unwrap(),
                Kept::Frame(..) => "frame",
            })
            .collect()
    }

    fn phase(&self, direction: Direction) -> u8 {
        self.framing.streams[direction as usize].phase
    }
}

use Direction::{Read, Write};

fn frame(kind: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![
        0,
        0,
        u8::try_from(payload.len()).unwrap(),
        kind,
        0,
        0,
        0,
        0,
        stream,
    ];
    frame.extend(payload);
    frame
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[test]
fn pipelined_requests_are_each_a_head() {
    let mut host = Host::new();
    host.call(
        Read,
        b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: b\r\n\r\n",
    );
    assert_eq!(host.heads(Read), ["GET /a HTTP/1.1", "GET /b HTTP/1.1"]);
}

#[test]
fn a_body_that_looks_like_a_request_is_stepped_over() {
    let mut host = Host::new();
    let body = "GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n";
    let request = format!(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-LENGTH:  {} \r\n\r\n{body}",
        body.len()
    );
    host.call(Read, request.as_bytes());
    host.call(Read, b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(host.heads(Read), ["POST / HTTP/1.1", "GET /next HTTP/1.1"]);
}

#[test]
fn a_chunk_that_looks_like_a_response_is_stepped_over() {
    let mut host = Host::new();
    host.call(Read, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let evil = "HTTP/1.1 421 No\r\n\r\n";
    let chunks = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n{:x};x=y\r\n",
        evil.len()
    );
    host.call(Write, chunks.as_bytes());
    host.call(Write, evil.as_bytes());
    host.call(
        Write,
        b"\r\n0\r\nTrailer: HTTP/1.1 500\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    );
    assert_eq!(host.heads(Write), ["HTTP/1.1 200 OK", "HTTP/1.1 204 No Content"]);
}

#[test]
fn the_answer_to_head_has_no_body_whatever_it_says() {
    let mut host = Host::new();
    host.call(
        Read,
        b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    host.call(Write, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!(host.heads(Write), ["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"]);
    assert_eq!(host.phase(Write), Phase::Start as u8);
}

#[test]
fn no_content_and_not_modified_have_no_body() {
    let mut host = Host::new();
    host.call(Read, b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    host.call(
        Write,
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    );
    assert_eq!(host.heads(Write).len(), 2);
    assert_eq!(host.phase(Write), Phase::Start as u8);
}

#[test]
fn interim_responses_do_not_take_the_request() {
    let mut host = Host::new();
    host.call(Read, b"HEAD / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n");
    host.call(Write, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(host.heads(Write).len(), 3);
    assert_eq!(host.phase(Write), Phase::Start as u8);
}

#[test]
fn an_upgrade_ends_http_both_ways() {
    let mut host = Host::new();
    host.call(Read, b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
    host.call(
        Write,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    );
    host.call(Read, b"GET /not-http HTTP/1.1\r\n\r\n");
    assert_eq!(host.heads(Read).len(), 1);
    assert_eq!(host.heads(Write).len(), 1);
}

#[test]
fn a_tunnel_ends_http_and_a_refused_one_does_not() {
    let mut refused = Host::new();
    refused.call(Read, b"CONNECT t:443 HTTP/1.1\r\nHost: t:443\r\n\r\n");
    refused.call(
        Write,
        b"HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n",
    );
    refused.call(Read, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(refused.heads(Read).len(), 2);

    let mut open = Host::new();
    open.call(Read, b"CONNECT t:443 HTTP/1.1\r\nHost: t:443\r\n\r\n");
    open.call(Write, b"HTTP/1.1 200 OK\r\n\r\n");
    open.call(Read, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(open.heads(Read).len(), 1);
}

#[test]
fn a_response_without_length_lasts_until_close() {
    let mut host = Host::new();
    host.call(Read, b"GET / HTTP/1.0\r\n\r\n");
    host.call(Write, b"HTTP/1.0 200 OK\r\n\r\nHTTP/1.1 421 No\r\n\r\n");
    assert_eq!(host.heads(Write), ["HTTP/1.0 200 OK"]);
}

#[test]
fn lengths_that_differ_break_the_framing() {
    for lengths in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1, 1",
        "Content-Length: -1",
        "Content-Length:",
        "Content-Length: 99999999999999999999",
    ] {
        let mut host = Host::new();
        host.call(Read, format!("POST / HTTP/1.1\r\n{lengths}\r\n\r\nx").as_bytes());
        assert_eq!(host.heads(Read).len(), 0, "{lengths}");
        assert_eq!(host.phase(Read), Phase::Opaque as u8, "{lengths}");
    }
    let mut same = Host::new();
    same.call(
        Read,
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\nxGET / HTTP/1.1\r\n\r\n",
    );
    assert_eq!(same.heads(Read).len(), 2);
}

#[test]
fn chunked_overrides_length() {
    let mut host = Host::new();
    host.call(Read, b"POST / HTTP/1.1\r\nContent-Length: 100\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    assert_eq!(host.heads(Read).len(), 2);
}

#[test]
fn what_is_not_http_is_left_alone() {
    for bytes in [
        &b"\x16\x03\x01"[..],
        b"EHLO mail.example\r\nMAIL FROM:<a>\r\n",
        b"SSH-2.0-x\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x01",
    ] {
        let mut host = Host::new();
        host.call(Read, bytes);
        host.call(Read, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(host.kept, [], "{bytes:?}");
        assert_eq!(host.phase(Read), Phase::Opaque as u8, "{bytes:?}");
    }
}

#[test]
fn frames_that_matter_are_kept_and_bodies_are_not() {
    let mut host = Host::new();
    let mut client = PREFACE.to_vec();
    client.extend(frame(4, 0, &[0; 6]));
    client.extend(frame(1, 1, b"fields"));
    client.extend(frame(0, 1, b"body"));
    client.extend(frame(9, 1, b"more"));
    client.extend(frame(8, 0, b"wind"));
    client.extend(frame(3, 1, b"code"));
    client.extend(frame(7, 0, b"away"));
    host.call(Read, &client);
    host.call(Write, &frame(4, 0, &[]));
    let kinds: Vec<_> = host
        .kept
        .iter()
        .map(|(_, kept)| match kept {
            Kept::Frame(kind, payload) => (*kind, payload.len()),
            Kept::Head(_) => (255, 0),
        })
        .collect();
    assert_eq!(kinds, [(4, 6), (1, 6), (9, 4), (3, 4), (7, 4), (4, 0)]);
}

#[test]
fn thirty_three_requests_in_flight_are_too_many() {
    let mut host = Host::new();
    host.call(Read, "GET / HTTP/1.1\r\n\r\n".repeat(33).as_bytes());
    assert_eq!(host.heads(Read).len(), 32);
    assert_eq!(host.phase(Read), Phase::Opaque as u8);
}

#[test]
fn a_connection_entered_in_the_middle_waits_for_a_call_that_begins_with_a_start_line() {
    let mut host = Host::late();
    host.call(Read, b"rest of a body\r\n");
    host.call(Read, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(host.heads(Read), ["GET / HTTP/1.1"]);
    assert_ne!(host.framing.streams[0].flags & RESYNCHRONISED, 0);
}

fn conversation() -> Vec<(Direction, Vec<u8>)> {
    vec![
        (Read, b"\r\nPOST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\nHEAD / HTTP/1.1\r\nCookie: content-length: 5\r\n\r\n".to_vec()),
        (Write, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHTTP/1.1 421HTTP/1.1 421 Misdirected Request\r\nContent-Length: 7\r\n\r\n".to_vec()),
        (Read, b"PUT / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbodyGET / HTTP/1.1\n\n".to_vec()),
        (Write, b"HTTP/1.1 200 OK\r\ntransfer-encoding:chunked\r\n\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
    ]
}

/// Pieces of messages, right and wrong.
const PIECES: [&[u8]; 22] = [
    b"GET /some/path HTTP/1.1\r\n",
    b"POST / HTTP/1.1\n",
    b"CONNECT a.example:443 HTTP/1.1\r\n",
    b"GET / HTTP/2\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 204\r\n",
    b"Host: a.example\r\n",
    b"content-length: 3\r\n",
    b"content-type: x\n",
    b"Content-Length:4\r\n",
    b"CONTENT-LENGTH : 5\r\n",
    b"content\rlength: 6\r\n",
    b"Content-Length\x1a 7\r\n",
    b"Connection: c\r\n",
    b"Transfer\x00",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b"abc",
    b"3;x=y\r\nabc\r\n0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x02\x01\x05\0\0\0\x01ab",
];

proptest! {
    #[test]
    fn where_calls_are_cut_does_not_matter(cuts in prop::collection::vec(1_usize..9, 1..60)) {
        let mut whole = Host::new();
        let mut cut = Host::new();
        let mut sizes = cuts.into_iter().cycle();
        for (direction, data) in conversation() {
            whole.call(direction, &data);
            let mut rest = &data[..];
            while !rest.is_empty() {
                let (now, later) = rest.split_at(sizes.next().unwrap().min(rest.len()));
                cut.call(direction, now);
                rest = later;
            }
        }
        prop_assert_eq!(whole.heads(Read).len(), 4);
        prop_assert_eq!(whole.heads(Write).len(), 5);
        prop_assert_eq!(&whole.kept, &cut.kept);
    }

    #[test]
    fn what_is_taken_together_is_what_is_taken_one_by_one(
        calls in prop::collection::vec((any::<bool>(), prop::collection::vec(prop::sample::select(&PIECES[..]), 1..8)), 1..8),
        cut in 1_usize..40,
    ) {
        let mut fast = Host::new();
        let mut slow = Host { slow: true, ..Host::new() };
        for (read, pieces) in calls {
            for data in pieces.concat().chunks(cut) {
                let direction = if read { Read } else { Write };
                fast.call(direction, data);
                slow.call(direction, data);
                prop_assert_eq!(fast.framing, slow.framing);
            }
        }
        prop_assert_eq!(&fast.kept, &slow.kept);
    }

    #[test]
    fn bytes_of_any_kind_are_taken(calls in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)), 0..20)) {
        let mut host = Host::new();
        for (read, data) in calls {
            host.call(if read { Read } else { Write }, &data);
        }
        prop_assert!(host.phase(Read) <= Phase::Search as u8);
    }

    #[test]
    fn frames_of_any_cut_come_out_whole(cuts in prop::collection::vec(1_usize..30, 1..60)) {
        let mut data = PREFACE.to_vec();
        for (kind, payload) in [(4, &[0; 12][..]), (1, b"one"), (0, &[7; 200]), (1, b""), (5, b"promise"), (6, &[0; 8])] {
            data.extend(frame(kind, 0, payload));
        }
        let mut host = Host::new();
        let mut rest = &data[..];
        for size in cuts.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at(size.min(rest.len()));
            host.call(Read, now);
            rest = later;
        }
        let expected = [(4, vec![0; 12]), (1, b"one".to_vec()), (1, vec![]), (5, b"promise".to_vec())];
        let expected: Vec<_> = expected.into_iter().map(|(kind, payload)| (Read, Kept::Frame(kind, payload))).collect();
        prop_assert_eq!(host.kept, expected);
    }
}
