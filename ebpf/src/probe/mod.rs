//! The probes, one file per concern.

pub mod call;
pub mod client_hello;
pub mod empty;
pub mod object;
pub mod passage;
pub mod process;
pub mod socket;
