//! A connection whose pieces a test writes down.

use ebpf::record::{Content, Direction};
use wrongway::http::{
    Authority, AuthoritySource, Conversation, Entry, Exchange, Known, Losses, Piece, Status,
};

/// The direction of requests, unless a test says otherwise.
pub(crate) const REQUEST: Direction = Direction::Read;
/// The direction of responses.
pub(crate) const RESPONSE: Direction = Direction::Write;

/// Feeds a conversation; each piece passes one nanosecond after the one before.
pub(crate) struct Wire {
    pub(crate) conversation: Conversation,
    pub(crate) out: Vec<Exchange>,
    pub(crate) time: u64,
}

impl Wire {
    pub(crate) fn new(from_start: bool) -> Self {
        Self {
            conversation: Conversation::new(from_start),
            out: Vec::new(),
            time: 0,
        }
    }

    /// An HTTP/2 connection that is older than the agent, after its first round trip, on stream 1.
    pub(crate) fn late() -> Self {
        let mut wire = Self::new(false);
        wire.h2_get(1, "first");
        wire.h2_status(1, "200");
        assert_eq!(wire.out, []);
        wire.losses();
        wire
    }

    pub(crate) fn part(
        &mut self,
        direction: Direction,
        content: Content,
        bytes: &[u8],
        start: bool,
        end: bool,
    ) {
        self.time += 1;
        let piece = Piece {
            direction,
            content,
            start,
            end,
            entry: Entry::Start,
            offset: 0,
            time: self.time,
            bytes,
        };
        self.conversation.piece(&piece, &mut self.out);
    }

    pub(crate) fn head(&mut self, direction: Direction, text: &str) {
        self.part(direction, Content::Http1Head, text.as_bytes(), true, true);
    }

    /// A request for `/` of this host.
    pub(crate) fn get(&mut self, host: &str) {
        self.head(REQUEST, &format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    }

    pub(crate) fn status(&mut self, status: u16) {
        self.head(RESPONSE, &format!("HTTP/1.1 {status} \r\n\r\n"));
    }

    pub(crate) fn frame(&mut self, direction: Direction, bytes: &[u8]) {
        self.part(direction, Content::Http2Frame, bytes, true, true);
    }

    /// A frame, the first since its direction was entered again.
    pub(crate) fn enter_again(&mut self, direction: Direction, bytes: &[u8]) {
        self.time += 1;
        let piece = Piece {
            direction,
            content: Content::Http2Frame,
            start: true,
            end: true,
            entry: Entry::Again,
            offset: 0,
            time: self.time,
            bytes,
        };
        self.conversation.piece(&piece, &mut self.out);
    }

    /// A whole HTTP/2 request, as literals that leave the tables alone.
    pub(crate) fn h2_get(&mut self, stream: u32, authority: &str) {
        self.frame(REQUEST, &headers(stream, &request(authority)));
    }

    /// A whole HTTP/2 response head, likewise.
    pub(crate) fn h2_status(&mut self, stream: u32, status: &str) {
        self.frame(RESPONSE, &headers(stream, &literal(8, status)));
    }

    pub(crate) fn gap(&mut self, direction: Direction) {
        self.conversation.gap(direction);
    }

    pub(crate) fn close(&mut self) {
        self.time += 1;
        self.conversation.close(self.time, &mut self.out);
    }

    pub(crate) fn losses(&mut self) -> Losses {
        self.conversation.losses()
    }

    /// Status codes of the exchanges so far, in the order of their completion.
    pub(crate) fn statuses(&self) -> Vec<Status> {
        self.out.iter().map(|exchange| exchange.status).collect()
    }

    /// Who was asked for, and what came of it.
    pub(crate) fn summary(&self) -> Vec<(&str, Status)> {
        self.out
            .iter()
            .map(|exchange| (name(exchange), exchange.status))
            .collect()
    }
}

/// The name an exchange is for: `?` unknown, `-` absent.
pub(crate) fn name(exchange: &Exchange) -> &str {
    match (&exchange.authority, &exchange.host) {
        (Authority::Present { value, .. }, _) => value,
        (Authority::Absent, Known::Yes(hosts)) => hosts.first().map_or("-", String::as_str),
        (Authority::Absent, Known::Unknown) | (Authority::Unknown, _) => "?",
    }
}

pub(crate) fn present(value: &str, source: AuthoritySource) -> Authority {
    Authority::Present {
        value: value.to_owned(),
        source,
    }
}

/// An HTTP/2 frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A HEADERS frame with its whole block.
pub(crate) fn headers(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(1, 4, stream, block)
}

/// `GET https://authority/`.
pub(crate) fn request(authority: &str) -> Vec<u8> {
    [vec![0x82, 0x87, 0x84], literal(1, authority)].concat()
}

/// A literal without indexing, of a name in the static table.
pub(crate) fn literal(index: u8, value: &str) -> Vec<u8> {
    [tagged(0x00, index, 4), text(value)].concat()
}

/// A literal with incremental indexing, of a name in the static table.
pub(crate) fn inserting(index: u8, value: &str) -> Vec<u8> {
    [tagged(0x40, index, 6), text(value)].concat()
}

/// A literal without indexing, with its name spelled out.
pub(crate) fn spelled(name: &str, value: &str) -> Vec<u8> {
    [vec![0x00], text(name), text(value)].concat()
}

fn tagged(pattern: u8, value: u8, prefix: u32) -> Vec<u8> {
    let mask = (1 << prefix) - 1;
    if value < mask {
        vec![pattern | value]
    } else {
        vec![pattern | mask, value - mask]
    }
}

fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    [tagged(0, length, 7), text.as_bytes().to_vec()].concat()
}
