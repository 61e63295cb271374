//! Records: what the kernel hands to the agent through the ring buffer.
//!
//! Each starts with a [`Header`]. Integers are in host order, fields are aligned, there is no implicit
//! padding. A record's slot in the ring may be longer than the record: `Header::size` counts.

mod certificate;
mod connection;
mod data;
mod socket;
mod trial;
mod wire;

pub use certificate::{CERTIFICATE, CertificateHeader};
pub use connection::{
    ALPN, AlpnState, Carrier, Close, Connection, NAME, NameSource, NameState, Side, VERIFY_UNKNOWN,
};
pub use data::{CHUNK, Content, DataHeader, Direction, END, RESYNCHRONISED, SMALL_CHUNK, START};
pub use socket::{Socket, SocketSource, SocketUse};
pub use trial::Sighting;
pub use wire::{DatagramHeader, Flow, Hook, SegmentHeader};

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// A connection carried its first application data: [`Connection`].
    Connection = 1,
    /// Part of an HTTP head or frame: [`DataHeader`].
    Data = 2,
    /// The connection object was freed: [`Close`].
    Close = 3,
    /// A process replaced its image: a bare [`Header`].
    Exec = 4,
    /// A process ended: a bare [`Header`].
    Exit = 5,
    /// A certificate of a connection: [`CertificateHeader`].
    Certificate = 6,
    /// Part of a TCP stream that is, or may be, a ClientHello: [`SegmentHeader`].
    Segment = 7,
    /// A UDP datagram that begins with a QUIC Initial packet: [`DatagramHeader`].
    Datagram = 8,
    /// A process that feeds TLS from memory used a socket: [`SocketUse`].
    SocketUse = 9,
    /// A function that is on trial moved data: [`Sighting`].
    Sighting = 10,
    /// A process ended by a signal that says that its code is broken: a bare [`Header`].
    Crash = 11,
}

/// What every record begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Header {
    /// A [`Kind`].
    pub kind: u32,
    /// Bytes of this record that hold something, this header included.
    pub size: u32,
    /// `CLOCK_BOOTTIME` in nanoseconds.
    pub time: u64,
    /// The process, in the initial PID namespace.
    pub tgid: u32,
    /// The thread, in the initial PID namespace.
    pub tid: u32,
    /// Address of the connection object in the process; 0 where there is none.
    pub ssl: u64,
    /// When this connection was first seen, in the same clock as `time`. Tells apart connections whose
    /// object stands at an address used before.
    pub born: u64,
}

const _: () = assert!(size_of::<Header>() == 40);

#[cfg(test)]
mod tests {
    use super::*;

    /// Recordings are read by later versions: what a number means does not change.
    #[test]
    fn numbers_are_the_contracts() {
        let kinds = [
            Kind::Connection,
            Kind::Data,
            Kind::Close,
            Kind::Exec,
            Kind::Exit,
            Kind::Certificate,
            Kind::Segment,
            Kind::Datagram,
            Kind::SocketUse,
        ];
        assert_eq!(kinds.map(|kind| kind as u32), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    /// No record has bytes that nobody wrote: they would be the kernel's.
    #[test]
    fn there_is_no_padding() {
        assert_eq!(size_of::<Header>(), 4 + 4 + 8 + 4 + 4 + 8 + 8);
    }
}
