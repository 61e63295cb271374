//! Connections: the facts of each, joined by key and by client random.

mod ends;
mod facts;
mod hellos;
mod name;
mod process;
mod socket;
mod used;

pub use ends::Ends;
pub use facts::{Alpn, CertificateSource, Facts, Key, Pair, Role, RoleSource, Visibility};
pub use hellos::{Added, Hellos, SeenHello};
pub use name::{NameSource, ServerName};
pub use process::Process;
pub use socket::{Socket, SocketSource};
pub use used::UsedSockets;
