//! Conversations from their pieces to their exchanges.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod corpus;
mod http1;
mod http1_losses;
mod http2;
mod http2_losses;
mod kernel;
mod late;
mod properties;
mod wire;
