//! What leaves the agent: metrics, the control socket, and the state that both of them show.
//!
//! ```text
//! observer --lock--> Store --counts--> Metrics
//!                      |                  |
//!               control socket     /metrics /healthz /readyz
//! ```
//! The store keeps what the observer hands over; [`present`] makes the contract's objects ([`view`]) of it, one at a
//! time, for whoever reads. The observer's side ([`shared`], [`store`], [`metrics`], [`health`]) knows nothing of sockets or runtimes.

pub mod control;
pub mod explain;
pub mod health;
pub mod http;
pub mod metrics;
pub mod present;
pub mod privacy;
pub mod query;
pub mod shared;
pub mod store;
#[cfg(test)]
pub(crate) mod testing;
pub mod timestamp;
pub mod view;

pub use shared::Shared;
