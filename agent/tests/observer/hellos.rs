//! ClientHellos on the wire.

use bytemuck::bytes_of;
use ebpf::record::{Flow, Header, Hook, Kind, SegmentHeader};

/// Addresses of a client and a server, on loopback.
pub(crate) const CLIENT_AT: &str = "127.0.0.1:50000";
/// The server of [`CLIENT_AT`].
pub(crate) const SERVER_AT: &str = "127.0.0.1:443";

/// The record of a segment that holds a whole ClientHello with this random, sent from `client` to `server`, both
/// `127.0.0.1:port`.
pub(crate) fn segment(random: u8, name: Option<&str>, client: &str, server: &str, time: u64) -> Vec<u8> {
    let bytes = client_hello(random, name);
    let (client, server) = (port(client), port(server));
    let mut address = [0; 16];
    address[..4].copy_from_slice(&[127, 0, 0, 1]);
    let header = SegmentHeader {
        header: Header {
            kind: Kind::Segment as u32,
            size: u32::try_from(size_of::<SegmentHeader>() + bytes.len()).unwrap(),
            time,
            tgid: 0,
            tid: 0,
            ssl: 0,
            born: 0,
        },
        flow: Flow {
            source: address,
            destination: address,
            interface: 1,
            source_port: client,
            destination_port: server,
            family: 2,
            hook: Hook::TcIngress as u8,
            reserved: 0,
        },
        first: 1000,
        sequence: 1000,
        length: u32::try_from(bytes.len()).unwrap(),
    };
    [bytes_of(&header), &bytes].concat()
}

pub(crate) fn port(address: &str) -> u16 {
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// A TLS record with a ClientHello: RFC 8446, section 4.1.2.
fn client_hello(random: u8, name: Option<&str>) -> Vec<u8> {
    let mut extensions = vec![
        // supported_versions: TLS 1.3, TLS 1.2
        0x00, 0x2b, 0x00, 0x05, 0x04, 0x03, 0x04, 0x03, 0x03, //
        // application_layer_protocol_negotiation: h2
        0x00, 0x10, 0x00, 0x05, 0x00, 0x03, 0x02, b'h', b'2',
    ];
    if let Some(name) = name {
        let host = [&[0x00][..], &sixteen(name.len()), name.as_bytes()].concat();
        let list = [&sixteen(host.len())[..], &host].concat();
        extensions.extend([&[0x00, 0x00][..], &sixteen(list.len()), &list].concat());
    }
    let body = [
        // TLS 1.2, random, no session, one suite, no compression
        &[0x03, 0x03][..],
        &[random; 32],
        &[0x00, 0x00, 0x02, 0x13, 0x01, 0x01, 0x00],
        &sixteen(extensions.len()),
        &extensions,
    ]
    .concat();
    let message = [&[0x01, 0x00][..], &sixteen(body.len()), &body].concat();
    [&[0x16, 0x03, 0x01][..], &sixteen(message.len()), &message].concat()
}

fn sixteen(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap().to_be_bytes()
}
