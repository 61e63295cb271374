//! The control socket: a Unix socket on which the agent answers `wrongway inspect`.
//!
//! ```text
//! client  {"command":"exchanges","limit":100,"verdict":"missing_421"}
//! agent   {"id":7,...}                                one object of the public contract a line
//! agent   {"end":true,"matched":1,"losses":[]}        last line, then the agent closes
//! ```
//! What the agent refuses it answers with `{"error":"..."}` and closes. A connection carries one request.

mod bind;
mod client;
mod protocol;
mod server;

pub use self::bind::{BindError, ControlSocket};
pub use self::client::{Answer, AskError, ask};
pub use self::protocol::{Command, End, Loss, MAX_REQUEST, Refusal, Request};
pub use self::server::serve;

#[cfg(test)]
mod tests;
