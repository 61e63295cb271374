//! Records: what the kernel hands to the agent through the ring buffer.
//!
//! Each starts with a [`Header`]. Integers are in host order, fields are aligned, there is no implicit
//! padding. A record's slot in the ring may be longer than the record: `Header::size` counts.

/// Bytes of one head or frame that a single [`DataHeader`] record can carry.
pub const CHUNK: usize = 4096;
/// The shorter slot, which most heads fit.
pub const SMALL_CHUNK: usize = 512;
/// Longest server name kept: RFC 1035, section 3.1 allows 255 octets.
pub const NAME: usize = 256;
/// Longest encoded `TBSCertificate` that is copied.
pub const CERTIFICATE: usize = 4096;
/// Longest ALPN protocol name kept; registered ones have at most 18 octets, RFC 7301 allows 255.
pub const ALPN: usize = 32;

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

/// How the socket of a connection was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SocketSource {
    /// Not known.
    Unknown = 0,
    /// From the file descriptor given to `SSL_set_fd` and its like.
    Descriptor = 1,
    /// From a socket call that the library made while it was inside one of its own functions.
    Nested = 2,
    /// Sources disagreed.
    Conflict = 3,
    /// From a socket call that the process made outside of TLS: it is the process's, of which connection is not said.
    Process = 4,
}

/// A TCP 4-tuple as the kernel keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Socket {
    /// Local address in network order; IPv4 in the first four bytes.
    pub local: [u8; 16],
    /// Peer's address in network order; IPv4 in the first four bytes.
    pub peer: [u8; 16],
    /// Inode number of the network namespace; 0 if unknown.
    pub netns: u32,
    /// Local port, host order.
    pub local_port: u16,
    /// Peer's port, host order.
    pub peer_port: u16,
    /// `AF_INET` 2, `AF_INET6` 10, 0 if unknown.
    pub family: u16,
    /// A [`SocketSource`].
    pub source: u8,
    /// Always 0.
    pub reserved: u8,
}

impl Socket {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        local: [0; 16],
        peer: [0; 16],
        netns: 0,
        local_port: 0,
        peer_port: 0,
        family: 0,
        source: SocketSource::Unknown as u8,
        reserved: 0,
    };
}

/// Which side of the connection the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Side {
    /// Not known.
    Unknown = 0,
    /// It accepts.
    Server = 1,
    /// It dials.
    Client = 2,
}

/// What is known of the server name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum NameState {
    /// Not known.
    Unknown = 0,
    /// None was sent.
    Absent = 1,
    /// It stands in the record.
    Sent = 2,
}

/// How the server name was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum NameSource {
    /// Not at all.
    Unknown = 0,
    /// Read from the connection object.
    Object = 1,
    /// From the client's call of `SSL_set_tlsext_host_name`.
    Call = 2,
}

/// What is known of the protocol that ALPN chose (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AlpnState {
    /// Not known.
    Unknown = 0,
    /// None was chosen.
    Absent = 1,
    /// It stands in the record.
    Chosen = 2,
}

/// What carries the records of a connection object, as its BIO tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Carrier {
    /// Not known.
    Unknown = 0,
    /// A socket or file descriptor of the process.
    Descriptor = 1,
    /// Memory: the program moves the bytes to and from its socket itself. A BIO of a program's own may call itself
    /// so and use the socket all the same, as Apache's do.
    Memory = 2,
    /// A kind of the program's own.
    Custom = 3,
}

/// [`Connection::verify_mode`]: not known. Known ones are combinations of OpenSSL's `SSL_VERIFY_*`, 0 to 15.
pub const VERIFY_UNKNOWN: u8 = 255;

/// The facts of a connection, sent when its first application data has passed, and again, with the same
/// [`Header::born`], if it renegotiates, and when its handshake is over if data came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Connection {
    /// What every record begins with.
    pub header: Header,
    /// The ClientHello's random; all zero if unknown.
    pub client_random: [u8; 32],
    /// The socket.
    pub socket: Socket,
    /// Slot of the library's layout.
    pub library: u16,
    /// A [`Side`].
    pub side: u8,
    /// A [`NameState`].
    pub name_state: u8,
    /// A [`NameSource`].
    pub name_source: u8,
    /// 1 if the connection object was seen being made, 0 if it is older than the probes.
    pub from_start: u8,
    /// 0 not resumed, 1 resumed, 255 unknown.
    pub resumed: u8,
    /// 1 if the connection was announced before and has renegotiated since (RFC 5246, section 7.4.1.1).
    pub renegotiated: u8,
    /// 0x0303 TLS 1.2, 0x0304 TLS 1.3, 0 unknown.
    pub version: u16,
    /// Bytes of `name` that hold something.
    pub name_length: u16,
    /// Whether this side asks its peer for a certificate (`SSL_VERIFY_*`); [`VERIFY_UNKNOWN`].
    pub verify_mode: u8,
    /// An [`AlpnState`].
    pub alpn_state: u8,
    /// Bytes of `alpn` that hold something.
    pub alpn_length: u8,
    /// A [`Carrier`].
    pub carrier: u8,
    /// 1 if its handshake was not over: this is early data (RFC 8446, section 2.3), and what only the rest of the
    /// handshake tells is unknown.
    pub early: u8,
    /// Always 0.
    pub reserved: [u8; 3],
    /// The protocol that ALPN chose.
    pub alpn: [u8; ALPN],
    /// The server name as the library holds it.
    pub name: [u8; NAME],
}

/// What a function that was found by its code showed, so that it can be told whether it is what it was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Sighting {
    /// What every record begins with; `ssl` is what the function was given for a connection, and `born` tells it from
    /// others at its address.
    pub header: Header,
    /// What stands where the client random is thought to be; all zero if that is not known, or could not be read.
    pub client_random: [u8; 32],
    /// Bytes that the call was asked to move at most.
    pub requested: u64,
    /// Bytes that it claims to have moved.
    pub moved: u64,
    /// Slot of the library's layout.
    pub library: u16,
    /// Number of the [`crate::function::Function`].
    pub function: u8,
    /// 1 if the object was seen being made.
    pub from_start: u8,
    /// 1 if this is the first that was seen of the connection in this direction.
    pub first: u8,
    /// 1 if the result is none that the function can have.
    pub impossible: u8,
    /// An [`crate::opening::Opening`]: what the data begins with.
    pub opening: u8,
    /// Always 0.
    pub reserved: u8,
    /// The socket that the library used while it was inside the call, if it used just one.
    pub socket: Socket,
    /// Always 0.
    pub padding: [u8; 4],
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Close {
    /// What every record begins with.
    pub header: Header,
    /// Data records made in each direction, lost ones included, indexed by [`Direction`]. More than arrived means
    /// that the last ones were lost.
    pub sequences: [u32; 2],
}

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

/// A certificate of a connection: the encoded `TBSCertificate`, RFC 5280, section 4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct CertificateHeader {
    /// What every record begins with.
    pub header: Header,
    /// Bytes that follow; fewer than `full_length` if it was too long to copy.
    pub length: u32,
    /// Bytes of the whole encoding.
    pub full_length: u32,
    /// 1 if the process presented it, 0 if its peer did.
    pub own: u8,
    /// Always 0.
    pub reserved: [u8; 7],
}

/// Where in the machine a packet was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Hook {
    /// By a tc program, where packets come in.
    TcIngress = 1,
    /// By a tc program, where packets go out.
    TcEgress = 2,
    /// By an XDP program.
    Xdp = 3,
}

/// One direction of a TCP connection or UDP association, as its packets show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Flow {
    /// Source address in network order; IPv4 in the first four bytes.
    pub source: [u8; 16],
    /// Destination address in network order; IPv4 in the first four bytes.
    pub destination: [u8; 16],
    /// Index of the interface.
    pub interface: u32,
    /// Source port, host order.
    pub source_port: u16,
    /// Destination port, host order.
    pub destination_port: u16,
    /// `AF_INET` 2, `AF_INET6` 10.
    pub family: u16,
    /// A [`Hook`].
    pub hook: u8,
    /// Always 0.
    pub reserved: u8,
}

/// Part of a TCP stream that is, or may be, a ClientHello. The header's process and object are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct SegmentHeader {
    /// What every record begins with.
    pub header: Header,
    /// From client to server.
    pub flow: Flow,
    /// TCP sequence number at which the TLS record with the ClientHello begins.
    pub first: u32,
    /// TCP sequence number of the first byte that follows.
    pub sequence: u32,
    /// Bytes that follow.
    pub length: u32,
}

/// A UDP datagram that begins with a QUIC Initial packet. The header's process and object are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct DatagramHeader {
    /// What every record begins with.
    pub header: Header,
    /// From sender to receiver.
    pub flow: Flow,
    /// Bytes that follow: the datagram from its first byte, cut short where it is longer than a record takes.
    pub length: u32,
}

/// A process that feeds TLS from memory received from, or sent to, a TCP socket: told once for each socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct SocketUse {
    /// What every record begins with; its object is 0.
    pub header: Header,
    /// The socket.
    pub socket: Socket,
    /// Always 0.
    pub reserved: u32,
}

const _: () = assert!(size_of::<Header>() == 40);
const _: () = assert!(size_of::<Flow>() == 44);
const _: () = assert!(size_of::<SegmentHeader>() == 96);
const _: () = assert!(size_of::<DatagramHeader>() == 88);
const _: () = assert!(size_of::<SocketUse>() == 88);
const _: () = assert!(size_of::<Socket>() == 44);
const _: () = assert!(size_of::<Connection>() == 40 + 32 + 44 + 12 + 8 + ALPN + NAME);
const _: () = assert!(size_of::<Close>() == 48);
const _: () = assert!(size_of::<DataHeader>() == 64);
const _: () = assert!(size_of::<CertificateHeader>() == 56);
// `DataHeader::length` is 16 bits wide.
const _: () = assert!(SMALL_CHUNK < CHUNK && CHUNK < 1 << 16);
// A name and the NUL after it.
const _: () = assert!(NAME > 255);

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
        assert_eq!([Direction::Read as u8, Direction::Write as u8], [0, 1]);
        assert_eq!([Content::Http1Head as u8, Content::Http2Frame as u8], [1, 2]);
        assert_eq!([START, END, RESYNCHRONISED], [1, 2, 4]);
    }

    #[test]
    fn what_was_not_filled_in_is_unknown() {
        let unknown = [
            SocketSource::Unknown as u8,
            Side::Unknown as u8,
            NameState::Unknown as u8,
            NameSource::Unknown as u8,
        ];
        assert_eq!(unknown, [0; 4]);
        assert_eq!(Socket::UNKNOWN.source, SocketSource::Unknown as u8);
        assert_eq!(Socket::UNKNOWN.family, 0);
    }

    #[test]
    fn each_fact_has_numbers_of_its_own() {
        let sources = [
            SocketSource::Descriptor,
            SocketSource::Nested,
            SocketSource::Conflict,
            SocketSource::Process,
        ];
        assert_eq!(sources.map(|source| source as u8), [1, 2, 3, 4]);
        assert_eq!([Side::Server as u8, Side::Client as u8], [1, 2]);
        assert_eq!([NameState::Absent as u8, NameState::Sent as u8], [1, 2]);
        assert_eq!([NameSource::Object as u8, NameSource::Call as u8], [1, 2]);
    }

    /// No record has bytes that nobody wrote: they would be the kernel's.
    #[test]
    fn there_is_no_padding() {
        assert_eq!(size_of::<Header>(), 4 + 4 + 8 + 4 + 4 + 8 + 8);
        assert_eq!(size_of::<Socket>(), 16 + 16 + 4 + 2 + 2 + 2 + 1 + 1);
        let facts = 32 + size_of::<Socket>() + 2 + 6 + 2 + 2 + 8 + ALPN + NAME;
        assert_eq!(size_of::<Connection>(), size_of::<Header>() + facts);
        assert_eq!(
            size_of::<DataHeader>(),
            size_of::<Header>() + 8 + 4 + 2 + 3 + 3 + 4
        );
        assert_eq!(
            size_of::<CertificateHeader>(),
            size_of::<Header>() + 4 + 4 + 1 + 7
        );
        assert_eq!(size_of::<Flow>(), 16 + 16 + 4 + 2 + 2 + 2 + 1 + 1);
        let flow = size_of::<Header>() + size_of::<Flow>();
        assert_eq!(size_of::<SegmentHeader>(), flow + 4 + 4 + 4);
        assert_eq!(size_of::<DatagramHeader>(), flow + 4);
        assert_eq!(
            size_of::<SocketUse>(),
            size_of::<Header>() + size_of::<Socket>() + 4
        );
    }
}
