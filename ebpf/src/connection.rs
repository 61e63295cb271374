//! What the kernel keeps of a connection.

use crate::framing::{Framing, Stream, http1::Requests};

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

/// State of a connection under observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Tracked {
    /// `CLOCK_BOOTTIME` in nanoseconds when it was first seen.
    pub born: u64,
    /// First eight bytes of the client random when it was announced; 0 if unknown. Tells that an object was
    /// put to use for another connection.
    pub random: u64,
    /// Address of the kernel's `struct sock` that the library used; 0 if none was seen.
    pub sock: u64,
    /// Where both directions stand.
    pub framing: Framing,
    /// The descriptor given to the library, or -1.
    pub descriptor: i32,
    /// 1 once the agent was told of it.
    pub announced: u8,
    /// 1 if its object was seen being made.
    pub from_start: u8,
    /// 1 if two sockets were seen.
    pub conflict: u8,
    /// Always 0.
    pub reserved: u8,
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
            },
            descriptor: -1,
            announced: 0,
            from_start: 0,
            conflict: 0,
            reserved: 0,
        }
    }
}

/// How deep calls of TLS functions may nest on one thread: TLS inside TLS through a proxy is two.
pub const DEPTH: usize = 4;

/// A TLS function that has not returned yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Call {
    /// The connection object.
    pub ssl: u64,
    /// The application's buffer.
    pub buffer: u64,
    /// Where the `_ex` functions store how much they moved.
    pub count: u64,
    /// Stack pointer at entry; the return finds its entry by it.
    pub stack: u64,
    /// The kernel's `struct sock` that was used meanwhile; 0 if none.
    pub sock: u64,
    /// 1 if more than one was.
    pub conflict: u32,
    /// Number of the [`crate::function::Function`].
    pub function: u32,
}

impl Call {
    /// No call.
    pub const NONE: Self = Self {
        ssl: 0,
        buffer: 0,
        count: 0,
        stack: 0,
        sock: 0,
        conflict: 0,
        function: 0,
    };
}

/// Bytes that are looked at in one turn of a walk.
pub const WINDOW: usize = 64;

/// One call's application data and how far it was walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Walk {
    /// The application's buffer.
    pub buffer: u64,
    /// Bytes in it.
    pub length: u64,
    /// How many of them were walked.
    pub position: u64,
    /// Where in the buffer the part of a head begins that was not handed up; `u64::MAX` outside a head.
    pub head: u64,
    /// The thread, as `bpf_get_current_pid_tgid` gives it.
    pub id: u64,
    /// The connection object.
    pub ssl: u64,
    /// A [`crate::record::Direction`].
    pub direction: u64,
    /// Bytes in `window`.
    pub count: u64,
    /// How many of them were fed to the framing.
    pub used: u64,
    /// What the last of them was found to be: a [`crate::framing::Step`].
    pub found: u64,
    /// The bytes at `position`.
    pub window: [u8; WINDOW],
}

impl Walk {
    /// Nothing is being walked.
    pub const IDLE: Self = Self {
        buffer: 0,
        length: 0,
        position: 0,
        head: 0,
        id: 0,
        ssl: 0,
        direction: 0,
        count: 0,
        used: 0,
        found: 0,
        window: [0; WINDOW],
    };
}

/// The TLS functions that a thread is inside of, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Thread {
    /// How many; 0 to [`DEPTH`].
    pub depth: u64,
    /// The calls.
    pub calls: [Call; DEPTH],
    /// The walk of the call that is returning.
    pub walk: Walk,
}

impl Thread {
    /// A thread that is in none.
    pub const IDLE: Self = Self {
        depth: 0,
        calls: [Call::NONE; DEPTH],
        walk: Walk::IDLE,
    };
}

const _: () = assert!(size_of::<Key>() == 16);
const _: () = assert!(size_of::<Tracked>() == 24 + 144 + 8);
const _: () = assert!(size_of::<Thread>() == 8 + DEPTH * 48 + 80 + WINDOW);

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
            assert_eq!((tracked.announced, tracked.conflict, tracked.reserved), (0, 0, 0));
            // 0 is a descriptor.
            assert_eq!(tracked.descriptor, -1);
            assert_eq!(tracked.framing.requests, Requests::none());
            for stream in tracked.framing.streams {
                assert_eq!((stream.offset, stream.sequence), (0, 0));
            }
        }
    }

    #[test]
    fn an_idle_thread_is_inside_nothing() {
        assert_eq!(Thread::IDLE.depth, 0);
        assert_eq!(Thread::IDLE.calls, [Call::default(); DEPTH]);
        assert_eq!(Thread::IDLE.walk.length, 0);
    }

    /// The programs find their place in the table of calls, and in the window, with a mask.
    #[test]
    fn what_is_masked_is_a_power_of_two() {
        assert!(DEPTH.is_power_of_two());
        assert!(WINDOW.is_power_of_two());
    }
}
