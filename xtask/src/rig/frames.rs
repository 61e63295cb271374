//! Ethernet frames made by hand, and a way to send them.

use anyhow::Result;

use super::network::Namespace;
use super::process::output_of;
use super::scratch::Scratch;

/// Sends every line of a file as a frame, as often as it is told to.
const SENDER: &str = include_str!("frames.py");

/// TCP's flags.
pub const SYN: u8 = 2;
/// Acknowledgement.
pub const ACK: u8 = 16;

/// Ethernet type of IPv4.
pub const IPV4: u16 = 0x0800;
/// Ethernet type of IPv6.
pub const IPV6: u16 = 0x86dd;

/// Sends frames, in this order and this many times, out of an interface.
///
/// # Errors
///
/// When they cannot be sent.
pub fn send(
    scratch: &Scratch,
    namespace: &Namespace,
    interface: &str,
    frames: &[Vec<u8>],
    times: usize,
) -> Result<()> {
    let script = scratch.write("frames.py", SENDER)?;
    let lines: String = frames.iter().map(|frame| hex(frame) + "\n").collect();
    let file = scratch.write("frames.txt", lines)?;
    let mut command = namespace.command("python3");
    command.arg(&script).arg(interface).arg(&file);
    output_of(command.arg(times.to_string())).map(drop)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A string takes whatever is written to it.
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A frame; `tags` are VLAN tags as they stand in it.
pub fn ethernet(tags: &[u8], kind: u16, packet: &[u8]) -> Vec<u8> {
    [&[2; 12], tags, &kind.to_be_bytes(), packet].concat()
}

/// An IPv4 packet from 192.0.2.2 to 192.0.2.1.
pub fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0];
    bytes.extend(length_of(20 + payload.len()));
    bytes.extend([0, 0, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, 2, 192, 0, 2, 1]);
    bytes.extend(payload);
    bytes
}

/// An IPv6 packet from `2001:db8::2` to `2001:db8::1`, with a header of options in front of what it carries.
pub fn ipv6(protocol: u8, payload: &[u8]) -> Vec<u8> {
    const DESTINATION_OPTIONS: u8 = 60;
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend(length_of(8 + payload.len()));
    bytes.extend([DESTINATION_OPTIONS, 64]);
    for last in [2, 1] {
        bytes.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    bytes.extend([protocol, 0, 1, 4, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

/// A TCP segment to port 443.
pub fn tcp(flags: u8, port: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = port.to_be_bytes().to_vec();
    bytes.extend(443_u16.to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 8 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend([1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

/// A record with a ClientHello for this server name, about `length` octets long: RFC 8446, section 4.1.2.
pub fn client_hello(name: &str, length: usize) -> Vec<u8> {
    let mut server_name = vec![0, 0];
    server_name.extend(length_of(name.len() + 5));
    server_name.extend(length_of(name.len() + 3));
    server_name.push(0);
    server_name.extend(length_of(name.len()));
    server_name.extend(name.as_bytes());
    let padding = length.saturating_sub(server_name.len() + 60);
    let mut extensions = server_name;
    extensions.extend([0, 21]);
    extensions.extend(length_of(padding));
    extensions.resize(extensions.len() + padding, 0);

    let mut body = vec![3, 3];
    // No two names have the same random.
    body.extend((0..32).map(|index| name.as_bytes()[index % name.len()] ^ u8::try_from(index).unwrap_or(0)));
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend(length_of(extensions.len()));
    body.extend(extensions);

    let mut message = vec![1, 0];
    message.extend(length_of(body.len()));
    message.extend(body);
    record(&message)
}

/// A handshake record.
pub fn record(message: &[u8]) -> Vec<u8> {
    let mut record = vec![22, 3, 1];
    record.extend(length_of(message.len()));
    record.extend(message);
    record
}

fn length_of(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_has_the_lengths_that_it_tells() {
        for length in [0, 517, 1500] {
            let hello = client_hello("a.example", length);
            assert_eq!(length_of(hello.len() - 5), hello[3..5], "record");
            assert_eq!(length_of(hello.len() - 9), hello[7..9], "message");
            assert!(hello.len() >= length.saturating_sub(20), "{}", hello.len());
        }
    }
}
