//! Packets for tests.

use super::Packet;

/// A packet that lies in memory.
pub(crate) struct Bytes(pub Vec<u8>);

impl Packet for Bytes {
    fn length(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap()
    }

    fn segment_size(&self) -> u32 {
        0
    }

    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let offset = usize::try_from(offset).unwrap();
        self.0.get(offset..)?.first_chunk().copied()
    }

    unsafe fn copy(&self, offset: u32, to: *mut u8, count: u32) -> bool {
        let (offset, count) = (usize::try_from(offset).unwrap(), usize::try_from(count).unwrap());
        let Some(bytes) = self.0.get(offset..).and_then(|bytes| bytes.get(..count)) else {
            return false;
        };
        // SAFETY: the caller vouches for `to`.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), count) };
        true
    }
}

/// A frame; `tags` are VLAN tags as they stand in it.
pub(crate) fn ethernet(tags: &[u8], kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 12], tags, &kind.to_be_bytes(), payload].concat()
}

/// An IPv4 packet from 192.0.2.1 to 192.0.2.2.
pub(crate) fn ipv4(protocol: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let words = u8::try_from(5 + options.len() / 4).unwrap();
    let total = u16::try_from(20 + options.len() + payload.len()).unwrap();
    let mut header = vec![0x40 | words, 0];
    header.extend(total.to_be_bytes());
    header.extend([0, 0, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    [&header, options, payload].concat()
}

/// An IPv6 packet from `2001:db8::1` to `2001:db8::2`; `extensions` are extension headers.
pub(crate) fn ipv6(next: u8, extensions: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(extensions.len() + payload.len()).unwrap();
    let mut header = vec![0x60, 0, 0, 0];
    header.extend(length.to_be_bytes());
    header.extend([next, 64]);
    for last in [1, 2] {
        header.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    [&header, extensions, payload].concat()
}

/// A TCP segment from port 40000 to 443.
pub(crate) fn tcp(flags: u8, sequence: u32, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let words = u8::try_from(5 + options.len() / 4).unwrap();
    let mut header = vec![0x9c, 0x40, 0x01, 0xbb];
    header.extend(sequence.to_be_bytes());
    header.extend([0, 0, 0, 0, words << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    [&header, options, payload].concat()
}

/// A UDP datagram from port 40000 to 443.
pub(crate) fn udp(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let mut header = vec![0x9c, 0x40, 0x01, 0xbb];
    header.extend(length.to_be_bytes());
    header.extend([0, 0]);
    [&header, payload].concat()
}
