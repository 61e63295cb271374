//! Real servers and clients on loopback, and what the clients know they did.

pub mod agent;
pub mod apache;
pub mod bpf;
pub mod certificate;
pub mod clients;
pub mod compare;
pub mod exchange;
pub mod http;
pub mod library;
pub mod metrics;
pub mod nginx;
pub mod port;
pub mod process;
pub mod scratch;
pub mod truth;
