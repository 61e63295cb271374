//! The records of connections that a web server accepts, over and over.

use std::mem::offset_of;

use ebpf::record::{
    ALPN, AlpnState, Carrier, CertificateHeader, Connection, Content, DataHeader, Direction, END, Header,
    Kind, NAME, NameSource, NameState, START, Side, Socket, SocketSource,
};
use loona_hpack::Encoder;

/// The process that accepts them.
pub(crate) const PID: u32 = 4242;
/// Its library's slot.
pub(crate) const LIBRARY: u16 = 1;

const NAME_SENT: &str = "www.shop.example";
const CERTIFICATE_NAMES: [&str; 4] = [
    "shop.example",
    "www.shop.example",
    "cdn.shop.example",
    "*.api.shop.example",
];

/// The records of one connection, repeated as if each time another one came.
pub(crate) struct Stream {
    /// Records by exchange; those of opening and closing stand with the first and the last.
    exchanges: Vec<Vec<Vec<u8>>>,
    next: usize,
    connections: u64,
}

impl Stream {
    /// A connection with keep-alive: requests of about 100 octets, responses of about 250.
    pub(crate) fn http1(requests: usize) -> Self {
        let response = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
                        Content-Type: text/html; charset=utf-8\r\nContent-Length: 5120\r\n\
                        Last-Modified: Wed, 31 Dec 2025 00:00:00 GMT\r\nConnection: keep-alive\r\n\
                        ETag: \"69546d80-1400\"\r\nAccept-Ranges: bytes\r\n\r\n";
        Self::new(requests, Content::Http1Head, |number| {
            let request = format!(
                "GET /item/{number} HTTP/1.1\r\nHost: {NAME_SENT}\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n"
            );
            (request.into_bytes(), response.as_bytes().to_vec())
        })
    }

    /// A connection whose header blocks refer to what earlier ones left in the dynamic table.
    pub(crate) fn http2(requests: usize) -> Self {
        let mut client = Encoder::new();
        let mut server = Encoder::new();
        Self::new(requests, Content::Http2Frame, |number| {
            let stream = u32::try_from(2 * number + 1).expect("few requests");
            let path = format!("/item/{number}");
            let request = client.encode([
                (&b":method"[..], &b"GET"[..]),
                (b":scheme", b"https"),
                (b":authority", NAME_SENT.as_bytes()),
                (b":path", path.as_bytes()),
                (b"user-agent", b"bench/1.0"),
                (b"accept", b"*/*"),
                (b"accept-encoding", b"gzip, deflate, br"),
            ]);
            let length = format!("{}", 5120 + number);
            let response = server.encode([
                (&b":status"[..], &b"200"[..]),
                (b"server", b"nginx"),
                (b"date", b"Thu, 01 Jan 2026 00:00:00 GMT"),
                (b"content-type", b"text/html; charset=utf-8"),
                (b"content-length", length.as_bytes()),
            ]);
            (headers(stream, &request), headers(stream, &response))
        })
    }

    fn new(requests: usize, content: Content, mut exchange: impl FnMut(usize) -> (Vec<u8>, Vec<u8>)) -> Self {
        let mut offsets = [0; 2];
        let mut exchanges: Vec<Vec<Vec<u8>>> = (0..requests)
            .map(|number| {
                let (request, response) = exchange(number);
                let sequence = u32::try_from(number).expect("few requests");
                [(Direction::Read, request), (Direction::Write, response)]
                    .map(|(direction, bytes)| {
                        let offset = &mut offsets[direction as usize];
                        let record = data(direction, content, *offset, sequence, &bytes);
                        *offset += bytes.len() as u64;
                        record
                    })
                    .into()
            })
            .collect();
        exchanges[0].splice(0..0, [connection(), certificate()]);
        exchanges[requests - 1].push(bytemuck::bytes_of(&header(Kind::Close, 0)).to_vec());
        Self {
            exchanges,
            next: 0,
            connections: 0,
        }
    }

    /// The records of the next exchange.
    pub(crate) fn next_exchange(&mut self) -> impl Iterator<Item = &[u8]> {
        let number = self.next;
        self.next = (self.next + 1) % self.exchanges.len();
        if number == 0 {
            self.connections += 1;
        }
        let records = &mut self.exchanges[number];
        for record in &mut *records {
            let born = self.connections.to_ne_bytes();
            record[offset_of!(Header, born)..][..born.len()].copy_from_slice(&born);
        }
        if number == 0 {
            let random = &mut records[0][offset_of!(Connection, client_random)..];
            random[..8].copy_from_slice(&self.connections.to_ne_bytes());
        }
        records.iter().map(Vec::as_slice)
    }
}

fn header(kind: Kind, body: usize) -> Header {
    Header {
        kind: kind as u32,
        size: u32::try_from(size_of::<Header>() + body).expect("records are small"),
        time: 5_000_000_000,
        tgid: PID,
        tid: PID,
        ssl: 0x5555_0000_1000,
        born: 0,
    }
}

fn connection() -> Vec<u8> {
    let mut name = [0; NAME];
    name[..NAME_SENT.len()].copy_from_slice(NAME_SENT.as_bytes());
    let address = |last| {
        let mut octets = [0; 16];
        octets[..4].copy_from_slice(&[10, 0, 0, last]);
        octets
    };
    let connection = Connection {
        header: header(Kind::Connection, size_of::<Connection>() - size_of::<Header>()),
        client_random: [7; 32],
        socket: Socket {
            local: address(1),
            peer: address(2),
            netns: 4_026_531_840,
            local_port: 443,
            peer_port: 50_000,
            family: 2,
            source: SocketSource::Descriptor as u8,
            reserved: 0,
        },
        library: LIBRARY,
        side: Side::Server as u8,
        name_state: NameState::Sent as u8,
        name_source: NameSource::Object as u8,
        from_start: 1,
        resumed: 0,
        renegotiated: 0,
        version: 0x0304,
        name_length: u16::try_from(NAME_SENT.len()).expect("a short name"),
        verify_mode: 0,
        alpn_state: AlpnState::Unknown as u8,
        alpn_length: 0,
        carrier: Carrier::Descriptor as u8,
        early: 0,
        reserved: [0; 3],
        alpn: [0; ALPN],
        name,
    };
    bytemuck::bytes_of(&connection).to_vec()
}

fn certificate() -> Vec<u8> {
    let encoding = to_be_signed();
    let length = u32::try_from(encoding.len()).expect("a short certificate");
    let record = CertificateHeader {
        header: header(
            Kind::Certificate,
            size_of::<CertificateHeader>() - size_of::<Header>() + encoding.len(),
        ),
        length,
        full_length: length,
        own: 1,
        reserved: [0; 7],
    };
    [bytemuck::bytes_of(&record), &encoding].concat()
}

fn data(direction: Direction, content: Content, offset: u64, sequence: u32, bytes: &[u8]) -> Vec<u8> {
    let record = DataHeader {
        header: header(
            Kind::Data,
            size_of::<DataHeader>() - size_of::<Header>() + bytes.len(),
        ),
        offset,
        sequence,
        length: u16::try_from(bytes.len()).expect("heads are short"),
        direction: direction as u8,
        flags: START | END,
        content: content as u8,
        reserved: [0; 3],
        entry: 0,
    };
    [bytemuck::bytes_of(&record), bytes].concat()
}

/// A HEADERS frame (RFC 9113, section 6.2) that ends its block and its stream.
fn headers(stream: u32, block: &[u8]) -> Vec<u8> {
    const HEADERS: u8 = 1;
    const END_STREAM_AND_HEADERS: u8 = 0x5;
    let length = u32::try_from(block.len()).expect("blocks are short");
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([HEADERS, END_STREAM_AND_HEADERS]);
    frame.extend(stream.to_be_bytes());
    frame.extend(block);
    frame
}

/// A `TBSCertificate` (RFC 5280, section 4.1) with nothing but what it cannot do without, and names.
fn to_be_signed() -> Vec<u8> {
    const SEQUENCE: u8 = 0x30;
    const ALGORITHM: [u8; 12] = [
        SEQUENCE, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
    ];
    const SUBJECT_ALT_NAME: [u8; 5] = [0x06, 3, 0x55, 0x1d, 0x11];
    let names: Vec<u8> = CERTIFICATE_NAMES
        .iter()
        .flat_map(|name| encoded(0x82, name.as_bytes()))
        .collect();
    let extension = [
        SUBJECT_ALT_NAME.to_vec(),
        encoded(0x04, &encoded(SEQUENCE, &names)),
    ]
    .concat();
    let extensions = encoded(SEQUENCE, &encoded(SEQUENCE, &extension));
    let time = encoded(0x17, b"260101000000Z");
    let key = [&ALGORITHM[..], &encoded(0x03, &[0, 1])].concat();
    let fields = [
        encoded(0xa0, &[0x02, 1, 2]),
        vec![0x02, 1, 1],
        ALGORITHM.to_vec(),
        encoded(SEQUENCE, &[]),
        encoded(SEQUENCE, &[&time[..], &time].concat()),
        encoded(SEQUENCE, &[]),
        encoded(SEQUENCE, &key),
        encoded(0xa3, &extensions),
    ];
    encoded(SEQUENCE, &fields.concat())
}

/// A value with its tag and length (ITU-T X.690).
fn encoded(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).expect("a short value");
    let mut encoding = if length < 0x80 {
        vec![tag, length]
    } else {
        vec![tag, 0x81, length]
    };
    encoding.extend(value);
    encoding
}
