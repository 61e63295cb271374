//! What the kernel keeps of a connection.

use crate::framing::{Framing, Stream, entry::Protocol, http1::Requests};

/// Names a connection: its object in its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Key {
    /// Address of the connection object.
    pub ssl: u64,
    /// The process, in the initial PID namespace.
    pub tgid: u32,
    /// Always 0.
    pub reserved: u32,
}

/// [`Tracked::announced`]: the agent was told of it.
pub const ANNOUNCED: u8 = 1;
/// [`Tracked::announced`]: the agent was told of it before its handshake was over.
pub const EARLY: u8 = 2;

/// State of a connection under observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Tracked {
    /// `CLOCK_BOOTTIME` in nanoseconds when it was first seen.
    pub born: u64,
    /// First eight bytes of the client random when it was announced; 0 if unknown. Tells that it renegotiated, or
    /// that its object was put to use for another connection.
    pub random: u64,
    /// Address of the kernel's `struct sock` that the library used; 0 if none was seen.
    pub sock: u64,
    /// Where both directions stand.
    pub framing: Framing,
    /// The descriptor given to the library, or -1.
    pub descriptor: i32,
    /// Slot of the library that it belongs to.
    pub library: u16,
    /// [`ANNOUNCED`] once the agent was told of it, or [`EARLY`].
    pub announced: u8,
    /// 1 if its object was seen being made.
    pub from_start: u8,
    /// 1 if two sockets were seen.
    pub conflict: u8,
    /// 1 once its process was found to move the bytes to and from its sockets itself.
    pub moved: u8,
    /// 1 once the agent was told of its socket, or that two were seen.
    pub placed: u8,
    /// Always 0.
    pub reserved: [u8; 5],
}

impl Tracked {
    /// A connection whose object was just made.
    pub const fn from_start() -> Self {
        Self {
            from_start: 1,
            ..Self::of(Stream::at_the_start())
        }
    }

    /// A connection that is older than the probes.
    pub const fn in_the_middle() -> Self {
        Self::of(Stream::in_the_middle())
    }

    const fn of(stream: Stream) -> Self {
        Self {
            born: 0,
            random: 0,
            sock: 0,
            framing: Framing {
                streams: [stream; 2],
                requests: Requests::none(),
                protocol: Protocol::Unknown as u8,
                reserved: [0; 7],
            },
            descriptor: -1,
            library: 0,
            announced: 0,
            from_start: 0,
            conflict: 0,
            moved: 0,
            placed: 0,
            reserved: [0; 5],
        }
    }
}

const _: () = assert!(size_of::<Key>() == 16);
const _: () = assert!(size_of::<Tracked>() == 24 + 168 + 16);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::{Phase, RESYNCHRONISED};

    #[test]
    fn a_connection_from_its_start_stands_before_its_first_message() {
        let tracked = Tracked::from_start();
        assert_eq!(tracked.from_start, 1);
        for stream in tracked.framing.streams {
            assert_eq!(stream, Stream::at_the_start());
            assert_eq!(stream.phase, Phase::Start as u8);
            assert_eq!(stream.flags & RESYNCHRONISED, 0);
        }
    }

    #[test]
    fn one_from_the_middle_does_not_pass_for_whole() {
        let tracked = Tracked::in_the_middle();
        assert_eq!(tracked.from_start, 0);
        for stream in tracked.framing.streams {
            assert_eq!(stream, Stream::in_the_middle());
            assert_ne!(stream, Stream::at_the_start());
        }
    }

    #[test]
    fn nothing_is_known_of_a_connection_that_was_just_found() {
        for tracked in [Tracked::from_start(), Tracked::in_the_middle()] {
            assert_eq!((tracked.born, tracked.random, tracked.sock), (0, 0, 0));
            assert_eq!((tracked.announced, tracked.conflict, tracked.moved), (0, 0, 0));
            assert_eq!((tracked.placed, tracked.library), (0, 0));
            // 0 is a descriptor.
            assert_eq!(tracked.descriptor, -1);
            assert_eq!(tracked.framing.requests, Requests::none());
            for stream in tracked.framing.streams {
                assert_eq!((stream.offset, stream.sequence), (0, 0));
            }
        }
    }
}
