//! Reads the integers and vectors of network encodings: RFC 8446, section 3, and RFC 9000, section 16.

/// Octets that are still to be read. What goes beyond their end is `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn octets(&mut self, length: usize) -> Option<&'a [u8]> {
        let (octets, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(octets)
    }

    pub(super) fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (octets, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*octets)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u24(&mut self) -> Option<u32> {
        self.array()
            .map(|[high, middle, low]| u32::from_be_bytes([0, high, middle, low]))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A vector behind one octet with its length.
    pub(super) fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.octets(length.into())
    }

    /// A vector behind two octets with its length.
    pub(super) fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.octets(length.into())
    }

    /// An integer of 1, 2, 4 or 8 octets, whose first two bits tell which: at most 2^62 - 1.
    pub(super) fn varint(&mut self) -> Option<u64> {
        let length = 1 << (self.rest.first()? >> 6);
        let octets = self.octets(length)?;
        let value = octets
            .iter()
            .fold(0, |value, &octet| value << 8 | u64::from(octet));
        Some(value & (u64::MAX >> (66 - 8 * length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9000, appendix A.1.
    #[test]
    fn integers_of_variable_length_are_read() {
        let read = |octets: &[u8]| {
            let mut reader = Reader::new(octets);
            (reader.varint(), reader.rest().len())
        };
        assert_eq!(
            read(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c, 9]),
            (Some(151_288_809_941_952_652), 1)
        );
        assert_eq!(read(&[0x9d, 0x7f, 0x3e, 0x7d]), (Some(494_878_333), 0));
        assert_eq!(read(&[0x7b, 0xbd]), (Some(15_293), 0));
        assert_eq!(read(&[0x25]), (Some(37), 0));
        assert_eq!(read(&[0x40, 0x25]), (Some(37), 0));
        assert_eq!(read(&[0xff; 8]), (Some((1 << 62) - 1), 0));
        assert_eq!(read(&[0x40]), (None, 1));
        assert_eq!(read(&[]), (None, 0));
    }

    #[test]
    fn what_goes_beyond_the_end_is_not_read() {
        let mut reader = Reader::new(&[0, 2, b'a']);
        assert_eq!(reader.vector16(), None);
        let mut reader = Reader::new(&[1, b'a', 0, 1, b'b', 1, 2, 3]);
        assert_eq!(reader.vector8(), Some(&b"a"[..]));
        assert_eq!(reader.vector16(), Some(&b"b"[..]));
        assert_eq!(reader.u32(), None);
        assert_eq!(reader.u24(), Some(0x01_0203));
        assert!(reader.is_empty());
    }
}
