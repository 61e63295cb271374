//! A client that sends, as the kernel side would show it.

use bytemuck::Zeroable as _;
use ebpf::record::{self, Header, Hook};
use wrongway::decode::{Datagram, Segment};
use wrongway::wire::hello::{Assembler, OCTETS, Outcome, Seen};

use crate::corpus;

/// A ClientHello of the corpus, as a handshake message.
pub(crate) fn message(name: &str) -> Vec<u8> {
    std::fs::read(corpus::path("client_hello", name)).unwrap()
}

/// A message in records with at most this many octets each.
pub(crate) fn records(message: &[u8], longest: usize) -> Vec<u8> {
    let record = |fragment: &[u8]| {
        let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
        [&[22, 3, 1], &length[..], fragment].concat()
    };
    message.chunks(longest).flat_map(record).collect()
}

/// A ClientHello of the corpus in one record.
pub(crate) fn stream(name: &str) -> Vec<u8> {
    records(&message(name), usize::MAX)
}

/// From here to there over IPv4.
pub(crate) fn flow(source: [u8; 4], port: u16) -> record::Flow {
    let mut flow = record::Flow {
        family: 2,
        source_port: port,
        destination_port: 443,
        interface: 3,
        hook: Hook::TcIngress as u8,
        ..record::Flow::zeroed()
    };
    flow.source[..4].copy_from_slice(&source);
    flow.destination[..4].copy_from_slice(&[10, 0, 0, 1]);
    flow
}

/// One connection on its way, and what is told of it.
pub(crate) struct Sender {
    pub(crate) assembler: Assembler,
    pub(crate) flow: record::Flow,
    pub(crate) first: u32,
    pub(crate) time: u64,
    pub(crate) out: Vec<Seen>,
}

impl Default for Sender {
    fn default() -> Self {
        Self {
            assembler: Assembler::default(),
            flow: flow([10, 0, 0, 2], 1000),
            first: 0,
            time: 1,
            out: Vec::new(),
        }
    }
}

impl Sender {
    /// Sends part of a stream.
    pub(crate) fn segment(&mut self, offset: usize, bytes: &[u8]) {
        let offset = u32::try_from(offset).unwrap();
        self.raw(self.first.wrapping_add(offset), bytes);
    }

    /// Sends part of a stream with this sequence number.
    pub(crate) fn raw(&mut self, sequence: u32, bytes: &[u8]) {
        let segment = Segment {
            header: self.header(),
            flow: self.flow,
            first: self.first,
            sequence,
            bytes,
        };
        self.assembler.segment(&segment, &mut self.out);
        assert!(self.assembler.weight() <= OCTETS);
    }

    /// Sends a datagram.
    pub(crate) fn datagram(&mut self, bytes: &[u8]) {
        let datagram = Datagram {
            header: self.header(),
            flow: self.flow,
            bytes,
        };
        self.assembler.datagram(&datagram, &mut self.out);
    }

    /// Lets this time pass.
    pub(crate) fn expire(&mut self, now: u64) {
        self.assembler.expire(now, &mut self.out);
    }

    /// What was told since the last time.
    pub(crate) fn results(&mut self) -> Vec<Outcome> {
        self.out.drain(..).map(|seen| seen.result).collect()
    }

    fn header(&self) -> Header {
        Header {
            time: self.time,
            ..Header::zeroed()
        }
    }
}
