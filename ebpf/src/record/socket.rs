//! The sockets of connections and of processes.

use super::Header;

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

const _: () = assert!(size_of::<Socket>() == 44);
const _: () = assert!(size_of::<SocketUse>() == 88);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_filled_in_is_unknown() {
        assert_eq!(SocketSource::Unknown as u8, 0);
        assert_eq!(Socket::UNKNOWN.source, SocketSource::Unknown as u8);
        assert_eq!(Socket::UNKNOWN.family, 0);
    }

    #[test]
    fn each_source_has_a_number_of_its_own() {
        let sources = [
            SocketSource::Descriptor,
            SocketSource::Nested,
            SocketSource::Conflict,
            SocketSource::Process,
        ];
        assert_eq!(sources.map(|source| source as u8), [1, 2, 3, 4]);
    }

    #[test]
    fn there_is_no_padding() {
        assert_eq!(size_of::<Socket>(), 16 + 16 + 4 + 2 + 2 + 2 + 1 + 1);
        assert_eq!(
            size_of::<SocketUse>(),
            size_of::<Header>() + size_of::<Socket>() + 4
        );
    }
}
