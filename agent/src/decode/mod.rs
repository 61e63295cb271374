//! Records of the kernel, checked and taken apart.

pub mod fuzz;
#[cfg(test)]
mod tests;

use bytemuck::AnyBitPattern;
use ebpf::record::{
    CertificateHeader, Close, Connection, Content, DataHeader, DatagramHeader, Direction, Flow, Header, Kind,
    SegmentHeader, Sighting, SocketUse,
};
use thiserror::Error;

/// The loss stage of what is no record.
pub const STAGE: &str = "decode";

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A connection carried its first application data.
    Connection(Box<Connection>),
    /// Part of an HTTP head or frame.
    Data(Data<'a>),
    /// A connection object was freed.
    Close(Close),
    /// A process replaced its image.
    Exec(Header),
    /// A process ended.
    Exit(Header),
    /// The certificate of a connection.
    Certificate(Certificate<'a>),
    /// Part of a TCP stream that may be a ClientHello.
    Segment(Segment<'a>),
    /// A UDP datagram that begins with a QUIC Initial packet.
    Datagram(Datagram<'a>),
    /// A process that feeds TLS from memory used a socket.
    SocketUse(SocketUse),
    /// A function that is on trial moved data.
    Sighting(Sighting),
    /// A process ended by a signal that says that its code is broken.
    Crash(Header),
}

/// Part of an HTTP head or frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// What every record begins with.
    pub header: Header,
    /// Bytes of application data of this direction before the first byte of this record.
    pub offset: u64,
    /// Number of this record in its direction, from 0.
    pub sequence: u32,
    /// Number of the first record since this direction was entered in the middle.
    pub entry: u32,
    /// Seen from the process.
    pub direction: Direction,
    /// What the bytes are part of.
    pub content: Content,
    /// [`ebpf::record::START`] and its like.
    pub flags: u8,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A certificate of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// What every record begins with.
    pub header: Header,
    /// Whether the process presented it; otherwise its peer did.
    pub own: bool,
    /// The encoded `TBSCertificate`; `None` if it was too long to copy.
    pub encoding: Option<&'a [u8]>,
}

/// Part of a TCP stream that may be a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// What every record begins with.
    pub header: Header,
    /// From client to server.
    pub flow: Flow,
    /// TCP sequence number at which the TLS record with the ClientHello begins.
    pub first: u32,
    /// TCP sequence number of the first of the bytes.
    pub sequence: u32,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A UDP datagram that begins with a QUIC Initial packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// What every record begins with.
    pub header: Header,
    /// From sender to receiver.
    pub flow: Flow,
    /// The datagram, from its first byte.
    pub bytes: &'a [u8],
}

/// Why bytes are no record. These are faults of the kernel side, of a damaged recording, or of a recording
/// made by another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Fewer bytes than the record needs.
    #[error("record of {have} bytes where {need} are needed")]
    Short {
        /// Bytes there are.
        have: usize,
        /// Bytes needed.
        need: usize,
    },
    /// A field has a value that means nothing.
    #[error("record with unknown {field} {value}")]
    Value {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u32,
    },
}

impl Malformed {
    /// Every metric label.
    pub const LABELS: [&'static str; 2] = ["short_record", "unknown_value"];

    /// The metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short { .. } => Self::LABELS[0],
            Self::Value { .. } => Self::LABELS[1],
        }
    }
}

impl<'a> Record<'a> {
    /// Takes a record apart; bytes after its end are ignored.
    ///
    /// # Errors
    /// Returns [`Malformed`] if the bytes are no record.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header: Header = read(bytes)?;
        let size = header.size as usize;
        let bytes = bytes.get(..size).ok_or(Malformed::Short {
            have: bytes.len(),
            need: size,
        })?;
        match header.kind {
            kind if kind == Kind::Connection as u32 => {
                read(bytes).map(|connection| Self::Connection(Box::new(connection)))
            }
            kind if kind == Kind::Data as u32 => data(bytes),
            // Read again: the size it claims may not cover the header itself.
            kind if kind == Kind::Close as u32 => read(bytes).map(Self::Close),
            kind if kind == Kind::Exec as u32 => read(bytes).map(Self::Exec),
            kind if kind == Kind::Exit as u32 => read(bytes).map(Self::Exit),
            kind if kind == Kind::Certificate as u32 => certificate(bytes),
            kind if kind == Kind::Segment as u32 => segment(bytes),
            kind if kind == Kind::Datagram as u32 => datagram(bytes),
            kind if kind == Kind::SocketUse as u32 => read(bytes).map(Self::SocketUse),
            kind if kind == Kind::Crash as u32 => read(bytes).map(Self::Crash),
            kind if kind == Kind::Sighting as u32 => read(bytes).map(Self::Sighting),
            value => Err(Malformed::Value { field: "kind", value }),
        }
    }

    /// What every record begins with.
    pub const fn header(&self) -> &Header {
        match self {
            Self::Connection(connection) => &connection.header,
            Self::Data(data) => &data.header,
            Self::Close(close) => &close.header,
            Self::Exec(header) | Self::Exit(header) | Self::Crash(header) => header,
            Self::Certificate(certificate) => &certificate.header,
            Self::Segment(segment) => &segment.header,
            Self::Datagram(datagram) => &datagram.header,
            Self::SocketUse(used) => &used.header,
            Self::Sighting(sighting) => &sighting.header,
        }
    }
}

fn data(bytes: &[u8]) -> Result<Record<'_>, Malformed> {
    let data: DataHeader = read(bytes)?;
    let direction = match data.direction {
        value if value == Direction::Read as u8 => Direction::Read,
        value if value == Direction::Write as u8 => Direction::Write,
        value => {
            return Err(Malformed::Value {
                field: "direction",
                value: value.into(),
            });
        }
    };
    let content = match data.content {
        value if value == Content::Http1Head as u8 => Content::Http1Head,
        value if value == Content::Http2Frame as u8 => Content::Http2Frame,
        value => {
            return Err(Malformed::Value {
                field: "content",
                value: value.into(),
            });
        }
    };
    let bytes = body(bytes, size_of::<DataHeader>(), data.length.into())?;
    let DataHeader {
        header,
        offset,
        sequence,
        entry,
        flags,
        ..
    } = data;
    Ok(Record::Data(Data {
        header,
        offset,
        sequence,
        entry,
        direction,
        content,
        flags,
        bytes,
    }))
}

fn certificate(bytes: &[u8]) -> Result<Record<'_>, Malformed> {
    let certificate: CertificateHeader = read(bytes)?;
    let encoding = body(bytes, size_of::<CertificateHeader>(), certificate.length as usize)?;
    Ok(Record::Certificate(Certificate {
        header: certificate.header,
        own: certificate.own == 1,
        encoding: (certificate.length == certificate.full_length).then_some(encoding),
    }))
}

fn segment(bytes: &[u8]) -> Result<Record<'_>, Malformed> {
    let segment: SegmentHeader = read(bytes)?;
    Ok(Record::Segment(Segment {
        header: segment.header,
        flow: segment.flow,
        first: segment.first,
        sequence: segment.sequence,
        bytes: body(bytes, size_of::<SegmentHeader>(), segment.length as usize)?,
    }))
}

fn datagram(bytes: &[u8]) -> Result<Record<'_>, Malformed> {
    let datagram: DatagramHeader = read(bytes)?;
    Ok(Record::Datagram(Datagram {
        header: datagram.header,
        flow: datagram.flow,
        bytes: body(bytes, size_of::<DatagramHeader>(), datagram.length as usize)?,
    }))
}

fn read<T: AnyBitPattern>(bytes: &[u8]) -> Result<T, Malformed> {
    let need = size_of::<T>();
    let bytes = bytes.get(..need).ok_or(Malformed::Short {
        have: bytes.len(),
        need,
    })?;
    Ok(bytemuck::pod_read_unaligned(bytes))
}

fn body(bytes: &[u8], header: usize, length: usize) -> Result<&[u8], Malformed> {
    let need = header + length;
    bytes.get(header..need).ok_or(Malformed::Short {
        have: bytes.len(),
        need,
    })
}
