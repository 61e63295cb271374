//! Records as the kernel makes them.

use bytemuck::{Zeroable as _, bytes_of};
use ebpf::record::{
    CertificateHeader, Close, Connection, Content, DataHeader, Direction, END, Header, Kind, NameSource,
    NameState, START, Side,
};
use wrongway::connection::Key;

/// The direction of requests on the server's side.
pub(crate) const READ: Direction = Direction::Read;
/// The direction of responses on the server's side.
pub(crate) const WRITE: Direction = Direction::Write;

/// Nanoseconds between two records of one connection.
pub(crate) const STEP: u64 = 1_000;

/// A connection in one process. Each record is one [`STEP`] later than the one before.
pub(crate) struct End {
    /// Its facts; may be changed until it opens.
    pub(crate) facts: Connection,
    sequence: [u32; 2],
    offset: [u64; 2],
    entry: [u32; 2],
}

impl End {
    /// A server's connection that dialled `a.example`, seen from its start.
    pub(crate) fn server(pid: u32, ssl: u64) -> Self {
        Self::of(Side::Server, pid, ssl)
    }

    /// A client's connection that dialled `a.example`, seen from its start.
    pub(crate) fn client(pid: u32, ssl: u64) -> Self {
        Self::of(Side::Client, pid, ssl)
    }

    fn of(side: Side, pid: u32, ssl: u64) -> Self {
        let born = ssl * 1_000_000;
        let header = Header {
            kind: Kind::Connection as u32,
            size: size(size_of::<Connection>()),
            time: born,
            tgid: pid,
            tid: pid,
            ssl,
            born,
        };
        let end = Self {
            facts: Connection {
                header,
                library: 1,
                side: side as u8,
                from_start: 1,
                version: 0x0304,
                ..Connection::zeroed()
            },
            sequence: [0; 2],
            offset: [0; 2],
            entry: [0; 2],
        };
        end.named(b"a.example").random(u8::try_from(ssl & 0xff).unwrap())
    }

    /// With this server name, read from the object.
    pub(crate) fn named(mut self, name: &[u8]) -> Self {
        self.facts.name[..name.len()].copy_from_slice(name);
        self.facts.name_length = u16::try_from(name.len()).unwrap();
        self.facts.name_state = NameState::Sent as u8;
        self.facts.name_source = NameSource::Object as u8;
        self
    }

    /// With a client random made of this octet.
    pub(crate) fn random(mut self, octet: u8) -> Self {
        self.facts.client_random = [octet; 32];
        self
    }

    /// Older than the probes.
    pub(crate) fn entered_late(mut self) -> Self {
        self.facts.from_start = 0;
        self
    }

    pub(crate) fn key(&self) -> Key {
        Key::from(&self.facts.header)
    }

    pub(crate) fn opened(&mut self) -> Vec<u8> {
        self.header(Kind::Connection, 0);
        bytes_of(&self.facts).to_vec()
    }

    pub(crate) fn closed(&mut self) -> Vec<u8> {
        let header = self.header(Kind::Close, size_of::<Close>());
        bytes_of(&Close {
            header,
            sequences: self.sequence,
        })
        .to_vec()
    }

    /// Its process replaced its image.
    pub(crate) fn exec(&mut self) -> Vec<u8> {
        self.of_process(Kind::Exec)
    }

    /// Its process ended.
    pub(crate) fn exit(&mut self) -> Vec<u8> {
        self.of_process(Kind::Exit)
    }

    fn of_process(&mut self, kind: Kind) -> Vec<u8> {
        let header = Header {
            ssl: 0,
            born: 0,
            ..self.header(kind, size_of::<Header>())
        };
        bytes_of(&header).to_vec()
    }

    /// A whole head of HTTP/1.
    pub(crate) fn head(&mut self, direction: Direction, text: &str) -> Vec<u8> {
        self.data(direction, Content::Http1Head, text.as_bytes())
    }

    /// A request for `/` of this host.
    pub(crate) fn get(&mut self, direction: Direction, host: &str) -> Vec<u8> {
        self.head(direction, &format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    }

    /// A response head.
    pub(crate) fn status(&mut self, direction: Direction, status: u16) -> Vec<u8> {
        self.head(direction, &format!("HTTP/1.1 {status} \r\n\r\n"))
    }

    /// A whole HTTP/2 HEADERS frame.
    pub(crate) fn headers(&mut self, direction: Direction, stream: u32, block: &[u8]) -> Vec<u8> {
        const HEADERS: u8 = 1;
        const END_HEADERS: u8 = 4;
        let length = size(block.len()).to_be_bytes();
        let stream = stream.to_be_bytes();
        let frame = [&length[1..], &[HEADERS, END_HEADERS], &stream, block].concat();
        self.data(direction, Content::Http2Frame, &frame)
    }

    /// `GET https://authority/` on an HTTP/2 stream: static entries, and a literal that leaves the table alone.
    pub(crate) fn h2_get(&mut self, direction: Direction, stream: u32, authority: &str) -> Vec<u8> {
        let length = u8::try_from(authority.len()).unwrap();
        let block = [&[0x82, 0x87, 0x84, 0x01, length], authority.as_bytes()].concat();
        self.headers(direction, stream, &block)
    }

    /// A response on an HTTP/2 stream, likewise.
    pub(crate) fn h2_status(&mut self, direction: Direction, stream: u32, status: &str) -> Vec<u8> {
        let block = [&[0x08, 3], status.as_bytes()].concat();
        self.headers(direction, stream, &block)
    }

    /// The kernel made records of this direction that nobody got.
    pub(crate) fn lose(&mut self, direction: Direction, records: u32) {
        self.sequence[direction as usize] += records;
    }

    /// What was taken for frames of this direction was something else, and it was entered again.
    pub(crate) fn enter_again(&mut self, direction: Direction) {
        self.entry[direction as usize] = self.sequence[direction as usize];
    }

    fn data(&mut self, direction: Direction, content: Content, bytes: &[u8]) -> Vec<u8> {
        let header = DataHeader {
            header: self.header(Kind::Data, size_of::<DataHeader>() + bytes.len()),
            offset: self.offset[direction as usize],
            sequence: self.sequence[direction as usize],
            length: u16::try_from(bytes.len()).unwrap(),
            direction: direction as u8,
            flags: START | END,
            content: content as u8,
            reserved: [0; 3],
            entry: self.entry[direction as usize],
        };
        self.sequence[direction as usize] += 1;
        self.offset[direction as usize] += bytes.len() as u64;
        [bytes_of(&header), bytes].concat()
    }

    /// A certificate: the process's own, or its peer's.
    pub(crate) fn certificate(&mut self, own: bool, encoding: &[u8]) -> Vec<u8> {
        self.certificate_of(own, encoding, encoding.len())
    }

    /// The start of a certificate that is longer than what is copied.
    pub(crate) fn certificate_of(&mut self, own: bool, encoding: &[u8], full_length: usize) -> Vec<u8> {
        let header = CertificateHeader {
            header: self.header(Kind::Certificate, size_of::<CertificateHeader>() + encoding.len()),
            length: size(encoding.len()),
            full_length: size(full_length),
            own: own.into(),
            reserved: [0; 7],
        };
        [bytes_of(&header), encoding].concat()
    }

    /// The header of the next record.
    fn header(&mut self, kind: Kind, bytes: usize) -> Header {
        self.facts.header.time += STEP;
        Header {
            kind: kind as u32,
            size: size(bytes),
            ..self.facts.header
        }
    }
}

fn size(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap()
}
