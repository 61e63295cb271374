//! Foreign encodings that stand on their own: certificates, and ClientHellos on their way.
//!
//! ```text
//! Segment ──▶ tcp ──▶ stream ──▶ record ──────┐
//! Datagram ─▶ quic ─▶ keys ─▶ frame ─▶ stream ┴▶ client_hello ──▶ hello ──▶ Seen
//! ```
//! Sans-IO: bytes and times in, facts out. What cannot be read is told, and why.

pub mod certificate;
pub mod client_hello;
pub mod hello;
