//! HTTP: from the heads and frames that the kernel kept to exchanges.
//!
//! ```text
//! Piece ──> Conversation ──> assembly ──> http1 ────────────> Exchange
//!                                    └──> http2 ──> hpack ─┘
//! ```
//!
//! Everything here is sans-IO: bytes and times in, facts out. What cannot be known says so, and why is counted.

mod assembly;
mod bounds;
mod conversation;
mod direction;
mod exchange;
pub mod fuzz;
mod hpack;
mod http1;
mod http2;
mod loss;

pub use conversation::{Conversation, Entry, Piece};
pub use exchange::{
    Authority, AuthoritySource, EARLIER, Earlier, Exchange, Known, Pairing, Protocol, Status,
};
pub use loss::{Loss, Losses, STAGE};
