//! The kernel's side of a connection, on the host: which pieces its calls would have handed up.

use ebpf::framing::{Framing, Plan, Step, Stream, entry::Protocol, http2::Header, step};
use ebpf::record::{Content, Direction};
use wrongway::http::{Conversation, Entry, Exchange, Piece};

/// An HTTP/2 connection that is older than the probes, from the bytes of its calls to its exchanges.
pub(crate) struct Late {
    framing: Framing,
    entry: [u32; 2],
    conversation: Conversation,
    pub(crate) out: Vec<Exchange>,
    time: u64,
}

impl Late {
    pub(crate) fn new() -> Self {
        Self {
            framing: Framing {
                streams: [Stream::in_the_middle(); 2],
                protocol: Protocol::Http2 as u8,
                ..Framing::default()
            },
            entry: [0; 2],
            conversation: Conversation::new(false),
            out: Vec::new(),
            time: 0,
        }
    }

    /// A call returned that moved this data.
    pub(crate) fn call(&mut self, direction: Direction, data: &[u8]) {
        self.time += 1;
        let mut position = 0;
        let protocol = self.framing.protocol;
        self.stream(direction)
            .begin_call(protocol, data.len() as u64, |at| header(data, at));
        while position < data.len() {
            let left = data.len() - position;
            let bound = |count: u64| usize::try_from(count).unwrap().min(left);
            match self.framing.streams[direction as usize].plan(&self.framing.requests) {
                Plan::Ignore => break,
                Plan::Skip(count) => {
                    self.stream(direction).pass(bound(count) as u64);
                    position += bound(count);
                }
                Plan::Copy(count) => {
                    self.hand_up(direction, &data[position..position + bound(count)]);
                    position += bound(count);
                }
                Plan::Step => {
                    let stream = &mut self.framing.streams[direction as usize];
                    let found = step(stream, &mut self.framing.requests, data[position]);
                    position += 1;
                    if found == Step::FrameEnd && stream.remaining == 0 {
                        self.hand_up(direction, &[]);
                    }
                }
            }
        }
        self.stream(direction).offset += data.len() as u64;
    }

    /// The connection ended.
    pub(crate) fn close(mut self) -> Vec<Exchange> {
        self.conversation.close(self.time + 1, &mut self.out);
        self.out
    }

    fn stream(&mut self, direction: Direction) -> &mut Stream {
        &mut self.framing.streams[direction as usize]
    }

    fn hand_up(&mut self, direction: Direction, payload: &[u8]) {
        let stream = &mut self.framing.streams[direction as usize];
        let start = stream.begun == 0;
        let head: &[u8] = if start { &stream.frame } else { &[] };
        let bytes = [head, payload].concat();
        let entry = std::mem::replace(&mut self.entry[direction as usize], stream.entry);
        let piece = Piece {
            direction,
            content: Content::Http2Frame,
            start,
            end: stream.remaining == payload.len() as u64,
            entry: if stream.entry == entry {
                Entry::Late
            } else {
                Entry::Again
            },
            offset: stream.offset,
            time: self.time,
            bytes: &bytes,
        };
        stream.begun = 1;
        stream.sequence += 1;
        stream.pass(payload.len() as u64);
        self.conversation.piece(&piece, &mut self.out);
    }
}

fn header(data: &[u8], at: u64) -> Option<Header> {
    let at = usize::try_from(at).ok()?;
    data.get(at..at + size_of::<Header>())?.try_into().ok()
}
