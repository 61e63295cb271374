//! The machine's network interfaces: which there are, which of them to watch, and how.

mod choice;
mod message;
mod watch;

pub use choice::{Choice, Mode};
pub(super) use watch::Watch;

/// A network interface of this network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::live) struct Interface {
    /// Its number.
    pub(super) index: u32,
    /// Its name; it may change.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: Kind,
}

/// What an interface is, as far as it matters for what its packets show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::live) enum Kind {
    /// The machine's connections with itself: each packet goes out and comes in again.
    Loopback,
    /// A device, real or a hypervisor's.
    Device,
    /// One end of a pair; containers have the other.
    Pair,
    /// One that the kernel makes of others, as bridges, bonds, VLANs, and tunnels.
    Derived,
    /// One whose packets have no Ethernet header.
    Headless,
}

/// What happened to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::live) enum Change {
    /// It is there, or has changed.
    Present(Interface),
    /// It is gone.
    Gone(u32),
}
