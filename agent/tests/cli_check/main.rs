//! `wrongway check` against servers that do what real ones do, and worse.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod addresses;
mod answers;
mod certificates;
mod checked;
mod gateway;
mod protocols;
mod refusals;
mod report;
mod server;
mod usage;
