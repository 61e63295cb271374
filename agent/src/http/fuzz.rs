//! Entry points for fuzzers: any octets go in, and what must hold of the parsers is asserted.

use ebpf::record::{Content, Direction};

use super::bounds;
use super::hpack::Decoder;
use super::{Conversation, Entry, Exchange, Piece};

/// The octets are a head of HTTP/1.
pub fn http1_head(data: &[u8]) {
    let mut conversation = Conversation::new(true);
    let mut out = Vec::new();
    let piece = |direction, bytes| whole(direction, Content::Http1Head, bytes);
    conversation.piece(&piece(Direction::Read, data), &mut out);
    conversation.piece(&piece(Direction::Write, data), &mut out);
    conversation.close(0, &mut out);
    out.iter().for_each(assert_bounded);
}

/// The octets are the header blocks of one direction, each behind an octet with its length. A length of 0 stands
/// for a loss.
pub fn hpack_block(data: &[u8]) {
    let mut decoder = Decoder::new();
    for block in split(data) {
        if block.is_empty() {
            decoder.forget();
        }
        let _ = decoder.decode(block, |_, value| {
            assert!(value.is_none_or(|value| value.len() <= 3 * bounds::VALUE));
        });
    }
}

/// The octets are the pieces of an HTTP/2 connection, each behind two octets: flags (1 the direction, 2 the start
/// of a frame, 4 its end, 8 a loss before it, 16 a late entry, 32 another) and length.
pub fn http2_conversation(data: &[u8]) {
    let (&first, mut rest) = data.split_first().unwrap_or((&0, &[]));
    let mut conversation = Conversation::new(first & 1 != 0);
    let (mut out, mut time) = (Vec::new(), 0);
    while let Some((&[flags, length], tail)) = rest.split_first_chunk() {
        let (bytes, tail) = tail.split_at(tail.len().min(usize::from(length)));
        rest = tail;
        time += 1;
        let direction = if flags & 1 == 0 {
            Direction::Read
        } else {
            Direction::Write
        };
        if flags & 8 != 0 {
            conversation.gap(direction);
        }
        let piece = Piece {
            start: flags & 2 != 0,
            end: flags & 4 != 0,
            entry: match (flags & 16, flags & 32) {
                (0, 0) => Entry::Start,
                (_, 0) => Entry::Late,
                _ => Entry::Again,
            },
            time,
            ..whole(direction, Content::Http2Frame, bytes)
        };
        conversation.piece(&piece, &mut out);
    }
    conversation.close(time, &mut out);
    out.iter().for_each(assert_bounded);
    assert_each_stream_once(&out);
}

fn whole(direction: Direction, content: Content, bytes: &[u8]) -> Piece<'_> {
    Piece {
        direction,
        content,
        start: true,
        end: true,
        entry: Entry::Start,
        offset: 0,
        time: 0,
        bytes,
    }
}

fn split(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (&length, tail) = rest.split_first()?;
        let (block, tail) = tail.split_at(tail.len().min(usize::from(length)));
        rest = tail;
        Some(block)
    })
}

fn assert_bounded(exchange: &Exchange) {
    let hosts = exchange.host.as_option().map_or(&[][..], Vec::as_slice);
    let method = exchange.method.as_option().map(|method| &**method);
    let kept = method.into_iter().chain(hosts.iter().map(String::as_str));
    for text in kept.chain(exchange.authority.value()) {
        // An octet that is no UTF-8 becomes a character of three.
        assert!(
            text.len() <= 3 * bounds::VALUE,
            "{} octets were kept of one value",
            text.len()
        );
    }
    assert!(exchange.requested_at <= exchange.completed_at);
}

fn assert_each_stream_once(exchanges: &[Exchange]) {
    let mut streams: Vec<_> = exchanges.iter().map(|exchange| exchange.stream_id).collect();
    streams.sort_unstable();
    let all = streams.len();
    streams.dedup();
    assert_eq!(streams.len(), all, "a stream made two exchanges");
}
