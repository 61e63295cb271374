//! Where facts are kept: by one build of a TLS library, and by the running kernel.

mod kernel;
mod library;

pub use kernel::KernelLayout;
pub use library::{Layout, MAX_LAYOUTS, NAMED, ON_TRIAL, PROMOTED, Passage, STACK};

/// Marks an offset that could not be derived. Nothing is read through it.
pub const UNKNOWN: u32 = u32::MAX;
