//! What the kernel keeps of a thread: the TLS functions it is inside of, and the walk of the one that returns.

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
    /// How much the application has room for, or wants written. Plain functions take an `int`.
    pub requested: u64,
    /// Where the `_ex` functions store how much they moved.
    pub count: u64,
    /// Stack pointer at entry; the return finds its entry by it.
    pub stack: u64,
    /// The kernel's `struct sock` that was used meanwhile; 0 if none.
    pub sock: u64,
    /// [`MORE`] if more than one was, and [`OTHERS`].
    pub conflict: u32,
    /// Number of the [`crate::function::Function`].
    pub function: u32,
}

/// [`Call::conflict`]: more than one socket was used.
pub const MORE: u32 = 1;
/// [`Call::conflict`]: another connection read meanwhile, as happens where TLS carries TLS: the socket is that one's.
pub const OTHERS: u32 = 2;

impl Call {
    /// No call.
    pub const NONE: Self = Self {
        ssl: 0,
        buffer: 0,
        requested: 0,
        count: 0,
        stack: 0,
        sock: 0,
        conflict: 0,
        function: 0,
    };
}

/// Bytes that are looked at in one turn of a walk.
pub const WINDOW: usize = 256;

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
    /// The bytes at `position`, eight to a word, the first lowest; and a word behind them, so that eight can be taken
    /// from any place.
    pub window: [u64; WINDOW / 8 + 1],
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
        window: [0; WINDOW / 8 + 1],
    };
}

/// General registers of the machine.
pub const REGISTERS: usize = 16;

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
    /// The general registers where a call passes by, in the order of their numbers.
    pub registers: [u64; REGISTERS],
}

impl Thread {
    /// A thread that is in none.
    pub const IDLE: Self = Self {
        depth: 0,
        calls: [Call::NONE; DEPTH],
        walk: Walk::IDLE,
        registers: [0; REGISTERS],
    };
}

const _: () = assert!(size_of::<Thread>() == 8 + DEPTH * 56 + 80 + WINDOW + 8 + REGISTERS * 8);

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(REGISTERS.is_power_of_two());
    }
}
