//! The observer from records to judged exchanges, live and from a recording.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod certificates;
mod corpus;
mod exchanges;
mod hellos;
mod hops;
mod join;
mod lifecycle;
mod listeners;
mod losses;
mod names;
mod outcomes;
mod peers;
mod recording;
mod records;
mod replay_command;
mod roles;
mod scene;
mod sockets;
mod world;
