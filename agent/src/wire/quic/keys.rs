//! Protection of Initial packets: RFC 9001, section 5, and RFC 9369, section 3.3.
//!
//! The keys follow from the first packet's destination: whoever sees the packet can open it.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use ring::hkdf;

use super::Version;
use super::packet::Initial;

/// RFC 9001, section 5.2.
const SALT: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
];
/// RFC 9369, section 3.3.1.
const SALT_OF_VERSION_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9,
    0xbd, 0x2e, 0xd9,
];
/// Octets of ciphertext that the protection of a header depends on, and how far behind the start of the packet
/// number they begin: RFC 9001, section 5.4.2.
const SAMPLE: usize = 16;
const SAMPLE_AFTER: usize = 4;

/// The keys of a client's Initial packets.
pub(in crate::wire) struct Keys {
    pub(super) packet: LessSafeKey,
    pub(super) nonce: [u8; 12],
    pub(super) header: quic::HeaderProtectionKey,
}

/// What an Initial packet holds.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::wire) struct Opened {
    /// The packet number.
    pub(in crate::wire) number: u64,
    /// The frames.
    pub(in crate::wire) payload: Vec<u8>,
}

impl Keys {
    /// The keys of a client that sent its first packet to this destination. The lengths are right, so that they are
    /// always there.
    pub(in crate::wire) fn of_client(version: Version, destination: &[u8]) -> Option<Self> {
        Self::derive(version, destination, "client in")
    }

    pub(super) fn derive(version: Version, destination: &[u8], side: &str) -> Option<Self> {
        let (salt, labels) = match version {
            Version::One => (SALT, ["quic key", "quic iv", "quic hp"]),
            Version::Two => (SALT_OF_VERSION_2, ["quicv2 key", "quicv2 iv", "quicv2 hp"]),
        };
        let initial = hkdf::Salt::new(hkdf::HKDF_SHA256, &salt).extract(destination);
        let secret = expand::<32>(&initial, side)?;
        let secret = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &secret);
        let [key, nonce, header] = labels;
        let key = UnboundKey::new(&AES_128_GCM, &expand::<16>(&secret, key)?).ok()?;
        Some(Self {
            packet: LessSafeKey::new(key),
            nonce: expand(&secret, nonce)?,
            header: quic::HeaderProtectionKey::new(&quic::AES_128, &expand::<16>(&secret, header)?).ok()?,
        })
    }

    /// Opens a packet. `expected` is one more than the largest packet number so far. `None` if it was not made with
    /// these keys.
    pub(in crate::wire) fn open(&self, packet: &Initial<'_>, expected: u64) -> Option<Opened> {
        let sample_at = packet.number_at + SAMPLE_AFTER;
        let sample = packet.octets.get(sample_at..sample_at + SAMPLE)?;
        let [first_mask, number_mask @ ..] = self.header.new_mask(sample).ok()?;
        let mut octets = packet.octets.to_vec();
        octets[0] ^= first_mask & 0x0f;
        let length = usize::from(octets[0] & 3) + 1;
        let mut truncated = 0;
        for (octet, mask) in octets[packet.number_at..][..length].iter_mut().zip(number_mask) {
            *octet ^= mask;
            truncated = truncated << 8 | u64::from(*octet);
        }
        let number = packet_number(expected, truncated, 8 * length);
        let (header, body) = octets.split_at_mut(packet.number_at + length);
        let payload = self
            .packet
            .open_in_place(self.nonce(number), Aad::from(&*header), body)
            .ok()?
            .len();
        octets.drain(..packet.number_at + length);
        octets.truncate(payload);
        Some(Opened {
            number,
            payload: octets,
        })
    }

    pub(super) fn nonce(&self, number: u64) -> Nonce {
        let mut nonce = self.nonce;
        for (octet, number) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *octet ^= number;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

/// The packet number whose last `bits` bits these are, and that is closest to the expected one: RFC 9000,
/// appendix A.3.
fn packet_number(expected: u64, truncated: u64, bits: usize) -> u64 {
    let window = 1 << bits;
    let candidate = expected & !(window - 1) | truncated;
    if candidate + window / 2 <= expected {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label without a context: RFC 8446, section 7.1.
fn expand<const LENGTH: usize>(secret: &hkdf::Prk, label: &str) -> Option<[u8; LENGTH]> {
    const PREFIX: &[u8] = b"tls13 ";
    let length = u16::try_from(LENGTH).ok()?.to_be_bytes();
    let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let information = [&length[..], &label_length, PREFIX, label.as_bytes(), &[0]];
    let mut expanded = [0; LENGTH];
    secret
        .expand(&information, Length(LENGTH))
        .ok()?
        .fill(&mut expanded)
        .ok()?;
    Some(expanded)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::wire::quic::packet;

    const DESTINATION: &[u8] = &[0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
    const FRAMES: &[u8] = include_bytes!("../../../tests/corpus/quic_frames/rfc_9001_client");
    const CLIENT: &[u8] = include_bytes!("../../../tests/corpus/quic_datagrams/rfc_9001_client");
    const SERVER: &[u8] = include_bytes!("../../../tests/corpus/quic_datagrams/rfc_9001_server");
    const CLIENT_OF_VERSION_2: &[u8] = include_bytes!("../../../tests/corpus/quic_datagrams/rfc_9369_client");
    const SERVER_OF_VERSION_2: &[u8] = include_bytes!("../../../tests/corpus/quic_datagrams/rfc_9369_server");

    /// The packet in a file of the corpus.
    fn initial(file: &[u8]) -> Initial<'_> {
        packet::initials(&file[2..]).next().unwrap().unwrap()
    }

    /// RFC 9001, appendices A.2 and A.3, and the same of RFC 9369.
    #[rstest]
    #[case::version_1(CLIENT, SERVER)]
    #[case::version_2(CLIENT_OF_VERSION_2, SERVER_OF_VERSION_2)]
    fn the_packets_of_the_standards_are_opened(#[case] client: &[u8], #[case] server: &[u8]) {
        let packet = initial(client);
        assert_eq!(packet.destination, DESTINATION);
        let opened = Keys::of_client(packet.version, DESTINATION)
            .unwrap()
            .open(&packet, 0)
            .unwrap();
        assert_eq!(opened.number, 2);
        assert!(opened.payload.starts_with(FRAMES));
        assert_eq!(opened.payload.len(), 1162);

        let packet = initial(server);
        let keys = Keys::derive(packet.version, DESTINATION, "server in").unwrap();
        let opened = keys.open(&packet, 0).unwrap();
        assert_eq!(opened.number, 1);
        assert!(
            opened
                .payload
                .starts_with(b"\x02\0\0\0\0\x06\0\x40\x5a\x02\0\0\x56\x03\x03")
        );
        assert_eq!(
            Keys::of_client(packet.version, DESTINATION)
                .unwrap()
                .open(&packet, 0),
            None
        );
    }

    #[test]
    fn a_packet_too_short_for_its_sample_is_not_opened() {
        let packet = initial(CLIENT);
        let keys = Keys::of_client(packet.version, DESTINATION).unwrap();
        for length in packet.number_at..packet.octets.len() {
            let short = Initial {
                octets: &packet.octets[..length],
                ..packet
            };
            assert_eq!(keys.open(&short, 0), None);
        }
    }

    /// RFC 9000, appendix A.3.
    #[test]
    fn packet_numbers_are_completed() {
        assert_eq!(packet_number(0xa82f_30eb, 0x9b32, 16), 0xa82f_9b32);
        assert_eq!(packet_number(0, 2, 32), 2);
        assert_eq!(packet_number(256, 255, 8), 255);
        assert_eq!(packet_number(255, 0, 8), 256);
    }
}
