//! Makes Initial packets, for tests.

use ring::aead::Aad;

use super::Version;
use super::keys::Keys;

/// An Initial packet of a client with these frames. `number` stands there in two octets. The keys are those of
/// `original`, and the packet goes to `destination`.
pub(in crate::wire) fn initial(
    version: Version,
    original: &[u8],
    destination: &[u8],
    number: u16,
    frames: &[u8],
) -> Vec<u8> {
    let keys = Keys::of_client(version, original).unwrap();
    let mut header = match version {
        Version::One => vec![0xc1, 0, 0, 0, 1],
        Version::Two => vec![0xd1, 0x6b, 0x33, 0x43, 0xcf],
    };
    header.push(u8::try_from(destination.len()).unwrap());
    header.extend(destination);
    header.extend([0, 0]);
    let length = u16::try_from(2 + frames.len() + 16).unwrap();
    header.extend((0x4000 | length).to_be_bytes());
    let number_at = header.len();
    header.extend(number.to_be_bytes());
    let mut body = frames.to_vec();
    let nonce = keys.nonce(number.into());
    keys.packet
        .seal_in_place_append_tag(nonce, Aad::from(&header), &mut body)
        .unwrap();
    let mut packet = [header, body].concat();
    let mask = keys.header.new_mask(&packet[number_at + 4..][..16]).unwrap();
    packet[0] ^= mask[0] & 0x0f;
    packet[number_at] ^= mask[1];
    packet[number_at + 1] ^= mask[2];
    packet
}

/// A CRYPTO frame.
pub(in crate::wire) fn crypto(offset: usize, octets: &[u8]) -> Vec<u8> {
    let offset = 0x8000_0000 | u32::try_from(offset).unwrap();
    let length = 0x8000_0000 | u32::try_from(octets.len()).unwrap();
    [&[6], &offset.to_be_bytes()[..], &length.to_be_bytes(), octets].concat()
}
