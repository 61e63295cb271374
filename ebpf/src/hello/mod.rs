//! Finds ClientHellos in TCP streams, as far as it takes to tell which bytes to hand up: RFC 8446, sections 4.1.2 and
//! 5.1.

#![expect(
    clippy::inline_always,
    reason = "the verifier follows calls anew for each caller's state; inlined code it prunes"
)]
#![expect(
    clippy::many_single_char_names,
    reason = "bytes that are taken apart and put together again have no better names"
)]

pub mod follow;
pub mod front;
pub mod start;
