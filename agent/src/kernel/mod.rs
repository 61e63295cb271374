//! The only place that speaks to the kernel's BPF machinery: features, loading, attaching, draining.
#![expect(
    unsafe_code,
    reason = "map values must be vouched for as plain data, and assembly as functions"
)]

mod attach;
mod counters;
mod drain;
mod empty;
mod emulation;
mod features;
mod load;
mod samples;
mod trial;
mod wire;

pub use attach::{AttachError, Attached, Point, PointKind, places};
pub use counters::{Counters, Counts};
pub use drain::Drain;
pub use features::{Features, Missing, check, examine};
pub use load::{Kernel, Limits, LoadError, OBJECT};
pub use trial::PacketProgram;
pub use wire::{WireError, WireLinks, WireMode};
