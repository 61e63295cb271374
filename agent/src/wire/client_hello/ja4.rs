//! JA4, the fingerprint of a TLS client: FoxIO, `technical_details/JA4.md`.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};

use super::Transport;
use super::extensions::{ALPN, SERVER_NAME};

/// What the fingerprint is made of; GREASE values are left out.
pub(super) struct Input<'a> {
    pub(super) transport: Transport,
    /// The highest that is offered.
    pub(super) version: Option<u16>,
    pub(super) ciphers: &'a [u16],
    /// Types.
    pub(super) extensions: &'a [u16],
    /// The first.
    pub(super) protocol: Option<&'a [u8]>,
    pub(super) signatures: &'a [u16],
}

/// The fingerprint.
pub(super) fn fingerprint(input: &Input<'_>) -> String {
    let transport = match input.transport {
        Transport::Tcp => 't',
        Transport::Quic => 'q',
    };
    let version = version(input.version);
    let destination = if input.extensions.contains(&SERVER_NAME) {
        'd'
    } else {
        'i'
    };
    let (ciphers, extensions) = (input.ciphers.len().min(99), input.extensions.len().min(99));
    let [first, last] = ends(input.protocol.unwrap_or_default());
    let hash_of_ciphers = hash_of_ciphers(input.ciphers);
    let hash_of_extensions = hash_of_extensions(input.extensions, input.signatures);
    format!(
        "{transport}{version}{destination}{ciphers:02}{extensions:02}{first}{last}_{hash_of_ciphers}_{hash_of_extensions}"
    )
}

const fn version(version: Option<u16>) -> &'static str {
    match version {
        Some(0x0304) => "13",
        Some(0x0303) => "12",
        Some(0x0302) => "11",
        Some(0x0301) => "10",
        Some(0x0300) => "s3",
        Some(0x0002) => "s2",
        _ => "00",
    }
}

/// The first and the last character, of the hexadecimal form if one of them is neither letter nor digit.
fn ends(protocol: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (protocol.first(), protocol.last()) else {
        return ['0'; 2];
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [first, last].map(char::from);
    }
    let digit = |value: u8| char::from_digit(u32::from(value & 15), 16).unwrap_or('0');
    [digit(first >> 4), digit(last)]
}

fn hash_of_ciphers(ciphers: &[u16]) -> String {
    hash(&list(sorted(ciphers.iter().copied())))
}

/// Server name and ALPN are left out, as the first part tells of them.
fn hash_of_extensions(extensions: &[u16], signatures: &[u16]) -> String {
    let counted = extensions
        .iter()
        .copied()
        .filter(|kind| ![SERVER_NAME, ALPN].contains(kind));
    let mut text = list(sorted(counted));
    if !text.is_empty() && !signatures.is_empty() {
        text.push('_');
        text.push_str(&list(signatures.to_vec()));
    }
    hash(&text)
}

fn sorted(values: impl Iterator<Item = u16>) -> Vec<u16> {
    let mut values: Vec<u16> = values.collect();
    values.sort_unstable();
    values
}

fn list(values: Vec<u16>) -> String {
    let mut text = String::with_capacity(5 * values.len());
    for value in values {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{comma}{value:04x}");
    }
    text
}

/// The first twelve digits of the hash; of nothing, zeros.
fn hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let mut digits = String::with_capacity(12);
    for octet in &digest(&SHA256, text.as_bytes()).as_ref()[..6] {
        // Writing to a `String` cannot fail.
        let _ = write!(digits, "{octet:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const CIPHERS: [u16; 15] = [
        0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
        0x009d, 0x002f, 0x0035,
    ];
    const EXTENSIONS: [u16; 16] = [
        0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
        0xff01, 0x000b, 0x000a, 0x0015,
    ];
    const SIGNATURES: [u16; 8] = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];

    /// The example of the specification.
    #[test]
    fn the_published_example_comes_out() {
        let fingerprint = fingerprint(&Input {
            transport: Transport::Tcp,
            version: Some(0x0304),
            ciphers: &CIPHERS,
            extensions: &EXTENSIONS,
            protocol: Some(b"h2"),
            signatures: &SIGNATURES,
        });
        assert_eq!(fingerprint, "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    /// Published for extensions without signature algorithms.
    #[test]
    fn without_signature_algorithms_there_is_no_underscore() {
        assert_eq!(hash_of_extensions(&EXTENSIONS, &[]), "6d807ffa2a79");
    }

    #[test]
    fn nothing_hashes_to_zeros() {
        let nothing = Input {
            transport: Transport::Quic,
            version: None,
            ciphers: &[],
            extensions: &[SERVER_NAME, ALPN],
            protocol: None,
            signatures: &SIGNATURES,
        };
        assert_eq!(fingerprint(&nothing), "q00d000200_000000000000_000000000000");
    }

    #[test]
    fn counts_have_two_digits() {
        let many: Vec<u16> = (0x100..0x200).collect();
        let fingerprint = fingerprint(&Input {
            transport: Transport::Tcp,
            version: Some(0x0303),
            ciphers: &many,
            extensions: &many,
            protocol: None,
            signatures: &[],
        });
        assert!(fingerprint.starts_with("t12i999900_"), "{fingerprint}");
    }

    /// Those with octets that are neither letter nor digit are the specification's.
    #[rstest]
    #[case(b"", "00")]
    #[case(b"h2", "h2")]
    #[case(b"http/1.1", "h1")]
    #[case(b"x", "xx")]
    #[case(&[0xab], "ab")]
    #[case(&[0xab, 0xcd], "ad")]
    #[case(&[0x30, 0xab], "3b")]
    #[case(&[0x30, 0x31, 0xab, 0xcd], "3d")]
    #[case(&[0x30, 0xab, 0xcd, 0x31], "01")]
    fn the_ends_of_a_protocol_stand_for_it(#[case] protocol: &[u8], #[case] expected: &str) {
        assert_eq!(ends(protocol).iter().collect::<String>(), expected);
    }
}
