//! The shapes in which a ClientHello comes.

use crate::rig::frames::{ACK, IPV4, IPV6, SYN, client_hello, ethernet, ipv4, ipv6, record, tcp};

const TCP: u8 = 6;
/// Sequence number of the SYN: the numbers wrap within a ClientHello of some length.
const FIRST: u32 = u32::MAX - 100;

/// Frames of one connection.
pub(super) struct Shape {
    name: &'static str,
    port: u16,
    v6: bool,
    /// Whether the agent is to see the ClientHello.
    pub(super) seen: bool,
    pub(super) frames: Vec<Vec<u8>>,
}

impl Shape {
    pub(super) fn server_name(&self) -> String {
        server_name(self.name)
    }

    /// Address and port of the client.
    pub(super) fn client(&self) -> String {
        if self.v6 {
            format!("[2001:db8::2]:{}", self.port)
        } else {
            format!("192.0.2.2:{}", self.port)
        }
    }
}

fn server_name(shape: &str) -> String {
    format!("{shape}.wire.example")
}

/// A frame with a TCP segment of IPv4.
pub(super) fn segment(flags: u8, port: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    ethernet(&[], IPV4, &ipv4(TCP, &tcp(flags, port, sequence, payload)))
}

/// Every shape.
pub(super) fn all() -> Vec<Shape> {
    let mut port = 40_000;
    let mut shape = |name, seen, frames: &dyn Fn(u16, &str) -> Vec<Vec<u8>>| {
        port += 1;
        Shape {
            name,
            port,
            v6: name == "ipv6",
            seen,
            frames: frames(port, &server_name(name)),
        }
    };
    vec![
        shape("whole", true, &|port, name| {
            stream(port, &[&client_hello(name, 517)])
        }),
        // What fits a path of 600 octets, less the headers.
        shape("narrow", true, &|port, name| {
            stream(port, &pieces(&client_hello(name, 1900), 548))
        }),
        shape("reversed", true, &|port, name| {
            let mut frames = stream(port, &pieces(&client_hello(name, 1900), 300));
            frames[1..].reverse();
            frames
        }),
        shape("duplicated", true, &|port, name| {
            let frames = stream(port, &pieces(&client_hello(name, 1900), 500));
            frames
                .into_iter()
                .flat_map(|frame| [frame.clone(), frame])
                .collect()
        }),
        shape("bytewise", true, &|port, name| {
            stream(port, &pieces(&client_hello(name, 517), 1))
        }),
        shape("cut-off", false, &|port, name| {
            let mut frames = stream(port, &pieces(&client_hello(name, 1900), 500));
            frames.truncate(3);
            frames
        }),
        shape("large", true, &|port, name| {
            stream(port, &pieces(&client_hello(name, 12_000), 1400))
        }),
        shape("many-records", true, &|port, name| {
            let records: Vec<Vec<u8>> = client_hello(name, 517)[5..].chunks(100).map(record).collect();
            stream(port, &pieces(&records.concat(), 400))
        }),
        shape("no-syn", true, &|port, name| {
            vec![segment(ACK, port, 7, &client_hello(name, 517))]
        }),
        shape("behind-connect", true, &|port, name| {
            let request = b"CONNECT a.example:443 HTTP/1.1\r\n\r\n";
            stream(port, &[request, &client_hello(name, 517)])
        }),
        shape("behind-proxy-2", true, &|port, name| {
            let header =
                b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x01\xbb";
            stream(port, &[&[&header[..], &client_hello(name, 517)].concat()])
        }),
        shape("ipv6", true, &|port, name| {
            let hello = client_hello(name, 517);
            vec![
                ethernet(&[], IPV6, &ipv6(TCP, &tcp(SYN, port, 0, &[]))),
                ethernet(&[], IPV6, &ipv6(TCP, &tcp(ACK, port, 1, &hello))),
            ]
        }),
        shape("vlan", true, &|port, name| {
            tagged(&[0x81, 0, 0, 10], port, &client_hello(name, 517))
        }),
        shape("two-vlans", true, &|port, name| {
            let tags = [0x88, 0xa8, 0, 20, 0x81, 0, 0, 10];
            tagged(&tags, port, &client_hello(name, 517))
        }),
        shape("not-tls", false, &|port, name| {
            let request = format!("GET / HTTP/1.1\r\nhost: {name}\r\n\r\n");
            stream(port, &[request.as_bytes()])
        }),
    ]
}

/// A connection that sends these pieces, a segment each.
fn stream(port: u16, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut frames = vec![segment(SYN, port, FIRST, &[])];
    let mut sequence = FIRST.wrapping_add(1);
    for piece in pieces {
        frames.push(segment(ACK, port, sequence, piece));
        sequence = sequence.wrapping_add(u32::try_from(piece.len()).unwrap_or_default());
    }
    frames
}

fn pieces(bytes: &[u8], length: usize) -> Vec<&[u8]> {
    bytes.chunks(length).collect()
}

fn tagged(tags: &[u8], port: u16, hello: &[u8]) -> Vec<Vec<u8>> {
    [(SYN, 0, &[][..]), (ACK, 1, hello)]
        .map(|(flags, sequence, payload)| {
            ethernet(tags, IPV4, &ipv4(TCP, &tcp(flags, port, sequence, payload)))
        })
        .into()
}
