//! Connections: the facts of each, joined by key, and what is known of their peers.

mod facts;
mod peers;
mod process;

pub use facts::{Facts, Key, Role, ServerName, Socket, SocketSource};
pub use peers::{Peers, Told};
pub use process::Process;
