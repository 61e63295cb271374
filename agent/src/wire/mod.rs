//! Foreign encodings that stand on their own: certificates, and ClientHellos on their way.
//!
//! ```text
//! Segment ──▶ stream ──▶ record ───────────────────┐
//!                                                  ├─▶ client_hello
//! Datagram ─▶ packet ──▶ keys ──▶ frame ──▶ stream ┘
//! ```
//! [`hello`] puts these in a row. Sans-IO: bytes and times in, facts out. What cannot be read is told, and why.

mod aging;
pub mod certificate;
pub mod client_hello;
pub mod fuzz;
pub mod hello;
mod quic;
mod reader;
mod record;
mod stream;
