//! Application data: the heads and frames of HTTP.

use super::Header;

/// Bytes of one head or frame that a single [`DataHeader`] record can carry.
pub const CHUNK: usize = 4096;
/// The shorter slot, which most heads fit.
pub const SMALL_CHUNK: usize = 512;

/// Which way application data went, seen from the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Direction {
    /// `SSL_read`: from the peer.
    Read = 0,
    /// `SSL_write`: to the peer.
    Write = 1,
}

/// What [`DataHeader`] carries a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Content {
    /// Start line and fields of an HTTP/1 message.
    Http1Head = 1,
    /// An HTTP/2 frame, with its nine-octet header in front of the first part.
    Http2Frame = 2,
}

/// [`DataHeader::flags`]: the head or frame starts with this record.
pub const START: u8 = 1;
/// [`DataHeader::flags`]: the head or frame ends with this record.
pub const END: u8 = 2;
/// [`DataHeader::flags`]: the connection is older than the probes and this direction was entered at a place that
/// looked like the start of a message.
pub const RESYNCHRONISED: u8 = 4;

/// Part of an HTTP head or frame. Bodies are never copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct DataHeader {
    /// What every record begins with.
    pub header: Header,
    /// Bytes of application data of this direction before the first byte of this record.
    pub offset: u64,
    /// Number of this record in its direction, from 0. A gap means that a record was lost.
    pub sequence: u32,
    /// Bytes that follow.
    pub length: u16,
    /// A [`Direction`].
    pub direction: u8,
    /// [`START`], [`END`], [`RESYNCHRONISED`].
    pub flags: u8,
    /// A [`Content`].
    pub content: u8,
    /// Always 0.
    pub reserved: [u8; 3],
    /// Number of the first record since this direction was entered in the middle. Of records with another one,
    /// nothing says that they fit together.
    pub entry: u32,
}

const _: () = assert!(size_of::<DataHeader>() == 64);
// `DataHeader::length` is 16 bits wide.
const _: () = assert!(SMALL_CHUNK < CHUNK && CHUNK < 1 << 16);

#[cfg(test)]
mod tests {
    use super::*;

    /// Recordings are read by later versions: what a number means does not change.
    #[test]
    fn numbers_are_the_contracts() {
        assert_eq!([Direction::Read as u8, Direction::Write as u8], [0, 1]);
        assert_eq!([Content::Http1Head as u8, Content::Http2Frame as u8], [1, 2]);
        assert_eq!([START, END, RESYNCHRONISED], [1, 2, 4]);
    }

    #[test]
    fn there_is_no_padding() {
        assert_eq!(
            size_of::<DataHeader>(),
            size_of::<Header>() + 8 + 4 + 2 + 3 + 3 + 4
        );
    }
}
