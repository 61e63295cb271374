//! What holds of every conversation.

use ebpf::record::{Content, Direction};
use proptest::collection::vec;
use proptest::prelude::*;
use wrongway::http::{Authority, Exchange, Known, Status, fuzz};

use crate::wire::{REQUEST, RESPONSE, Wire, frame, headers};

const AUTHORITIES: [&str; 4] = ["a.example", "b.example", "c.example", "d.example"];
const STATUSES: [u16; 4] = [200, 404, 421, 503];

/// One head or frame of a connection.
type Message = (Direction, Content, Vec<u8>);

/// The authority and the status of a request, as its client knows them.
type Truth = (usize, usize);

fn truths() -> impl Strategy<Value = Vec<Truth>> {
    vec((0..AUTHORITIES.len(), 0..STATUSES.len()), 1..24)
}

/// HTTP/2 with `concurrency` streams at a time, through another project's encoder.
fn http2(truths: &[Truth], concurrency: usize, continuation: bool) -> Vec<Message> {
    let (mut client, mut server) = (loona_hpack::Encoder::new(), loona_hpack::Encoder::new());
    let mut messages = Vec::new();
    for (round, batch) in truths.chunks(concurrency).enumerate() {
        let stream = |position| u32::try_from(2 * (round * concurrency + position) + 1).unwrap();
        for (position, &(authority, _)) in batch.iter().enumerate() {
            let filler = format!("{round}-{}", "x".repeat(300));
            let block = client.encode([
                (&b":method"[..], &b"GET"[..]),
                (b":scheme", b"https"),
                (b":path", filler.as_bytes()),
                (b":authority", AUTHORITIES[authority].as_bytes()),
                (b"cookie", b"secret"),
            ]);
            if continuation {
                let (first, second) = block.split_at(block.len() / 2);
                messages.push((REQUEST, Content::Http2Frame, frame(1, 1, stream(position), first)));
                messages.push((
                    REQUEST,
                    Content::Http2Frame,
                    frame(9, 4, stream(position), second),
                ));
            } else {
                messages.push((REQUEST, Content::Http2Frame, headers(stream(position), &block)));
            }
        }
        for (position, &(_, status)) in batch.iter().enumerate().rev() {
            let status = STATUSES[status].to_string();
            let block = server.encode([(&b":status"[..], status.as_bytes()), (b"server", b"x")]);
            messages.push((RESPONSE, Content::Http2Frame, headers(stream(position), &block)));
        }
    }
    messages
}

/// HTTP/1 with `depth` requests at a time. Each names its number in its authority, to be told apart.
fn http1(truths: &[Truth], depth: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    for (round, batch) in truths.chunks(depth).enumerate() {
        for position in 0..batch.len() {
            let number = round * depth + position;
            let head = format!("GET / HTTP/1.1\r\nHost: {number}\r\nCookie: secret\r\n\r\n");
            messages.push((REQUEST, Content::Http1Head, head.into_bytes()));
        }
        for &(_, status) in batch {
            let head = format!("HTTP/1.1 {} Reason\r\nServer: x\r\n\r\n", STATUSES[status]);
            messages.push((RESPONSE, Content::Http1Head, head.into_bytes()));
        }
    }
    messages
}

/// Feeds the messages, each cut into pieces of `size` octets, without those of the `lost` positions.
fn feed(messages: &[Message], size: usize, lost: &[usize], from_start: bool) -> Vec<Exchange> {
    let mut wire = Wire::new(from_start);
    let mut missing: Vec<Direction> = Vec::new();
    for (position, (direction, content, bytes)) in messages.iter().enumerate() {
        let count = bytes.len().div_ceil(size);
        if lost.contains(&position) {
            // The first piece comes through, if there are several: losses cut heads in two.
            if count > 1 && !missing.contains(direction) {
                wire.part(*direction, *content, &bytes[..size], true, false);
            }
            missing.push(*direction);
            continue;
        }
        if missing.contains(direction) {
            wire.gap(*direction);
            missing.retain(|missing| missing != direction);
        }
        for (index, piece) in bytes.chunks(size).enumerate() {
            wire.part(*direction, *content, piece, index == 0, index + 1 == count);
        }
    }
    for direction in missing {
        wire.gap(direction);
    }
    wire.close();
    wire.out
}

/// What must not depend on how heads are cut into pieces, which is all but the times.
fn without_times(mut exchanges: Vec<Exchange>) -> Vec<Exchange> {
    for exchange in &mut exchanges {
        (exchange.requested_at, exchange.completed_at) = (0, 0);
        exchange.answered_at = exchange.answered_at.map(|_| 0);
    }
    exchanges
}

fn truth_of(exchange: &Exchange, truths: &[Truth]) -> Truth {
    truths[usize::try_from(exchange.stream_id.unwrap() / 2).unwrap()]
}

fn assert_right_or_unknown(exchange: &Exchange, authority: &str, status: u16) {
    match &exchange.authority {
        Authority::Present { value, .. } => assert_eq!(value, authority),
        Authority::Absent => panic!("the authority was sent"),
        Authority::Unknown => {}
    }
    assert!(
        exchange.status == Status::Code(status) || exchange.status == Status::Unknown,
        "{:?} instead of {status}",
        exchange.status
    );
}

proptest! {
    #[test]
    fn http2_seen_whole_is_right(truths in truths(), concurrency in 1..9_usize, continuation: bool) {
        let out = feed(&http2(&truths, concurrency, continuation), usize::MAX, &[], true);
        prop_assert_eq!(out.len(), truths.len());
        for exchange in &out {
            let (authority, status) = truth_of(exchange, &truths);
            prop_assert_eq!(exchange.authority.value(), Some(AUTHORITIES[authority]));
            prop_assert_eq!(exchange.status, Status::Code(STATUSES[status]));
        }
    }

    #[test]
    fn http2_with_losses_is_right_or_unknown(
        truths in truths(),
        concurrency in 1..9_usize,
        continuation: bool,
        size in prop::sample::select(vec![7, 40, usize::MAX]),
        lost in vec(0..80_usize, 0..6),
        skipped in 0..12_usize,
        from_start: bool,
    ) {
        let mut messages = http2(&truths, concurrency, continuation);
        if !from_start {
            messages.drain(..skipped.min(messages.len()));
        }
        for exchange in feed(&messages, size, &lost, from_start) {
            let (authority, status) = truth_of(&exchange, &truths);
            assert_right_or_unknown(&exchange, AUTHORITIES[authority], STATUSES[status]);
        }
    }

    #[test]
    fn http1_with_losses_is_right_or_unknown_unless_the_client_pipelines(
        truths in truths(),
        size in prop::sample::select(vec![7, 40, usize::MAX]),
        lost in vec(0..48_usize, 0..6),
        skipped in 0..6_usize,
    ) {
        let messages = http1(&truths, 1);
        let seen = &messages[skipped.min(messages.len())..];
        for exchange in feed(seen, size, &lost, skipped == 0) {
            let Known::Yes(hosts) = &exchange.host else { continue };
            let number: usize = hosts[0].parse().unwrap();
            prop_assert!(exchange.request_number.is_none_or(|seen| seen == number as u64 + 1));
            prop_assert!(
                [Status::Code(STATUSES[truths[number].1]), Status::Unknown].contains(&exchange.status),
                "{exchange:?}"
            );
        }
    }

    #[test]
    fn http1_pipelined_with_lost_responses_is_right_or_unknown(
        truths in truths(),
        depth in 2..6_usize,
        lost in vec(0..48_usize, 0..6),
    ) {
        let messages = http1(&truths, depth);
        let lost: Vec<_> =
            lost.into_iter().filter(|&lost| messages.get(lost).is_some_and(|lost| lost.0 == RESPONSE)).collect();
        for exchange in feed(&messages, usize::MAX, &lost, true) {
            let Known::Yes(hosts) = &exchange.host else { continue };
            let number: usize = hosts[0].parse().unwrap();
            prop_assert!(
                [Status::Code(STATUSES[truths[number].1]), Status::Unknown].contains(&exchange.status),
                "{exchange:?}"
            );
        }
    }

    #[test]
    fn pieces_of_any_size_give_the_same_exchanges(truths in truths(), depth in 1..5_usize, size in 1..64_usize) {
        for messages in [http1(&truths, depth), http2(&truths, depth, true)] {
            let whole = without_times(feed(&messages, usize::MAX, &[], true));
            prop_assert_eq!(whole.len(), truths.len());
            prop_assert_eq!(without_times(feed(&messages, size, &[], true)), whole);
        }
    }

    #[test]
    fn arbitrary_octets_never_panic(data in vec(any::<u8>(), 0..600)) {
        fuzz::http1_head(&data);
        fuzz::hpack_block(&data);
        fuzz::http2_conversation(&data);
    }

    #[test]
    fn arbitrary_frames_never_panic(
        frames in vec((any::<u8>(), 0..10_u8, any::<u8>(), 0..9_u32, vec(any::<u8>(), 0..40)), 0..60),
    ) {
        let mut data = vec![1];
        for (flags, kind, frame_flags, stream, payload) in frames {
            let bytes = frame(kind, frame_flags, stream, &payload);
            data.extend([flags | 6, u8::try_from(bytes.len()).unwrap()]);
            data.extend(bytes);
        }
        fuzz::http2_conversation(&data);
    }
}
