//! ClientHellos from the packets that carry them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod captures;
mod corpus;
mod properties;
mod segments;
mod sender;
