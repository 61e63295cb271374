//! Real servers and clients on loopback, and what the clients know they did.

pub mod agent;
pub mod apache;
pub mod bpf;
pub mod certificate;
pub mod clients;
pub mod compare;
pub mod configured;
pub mod declared;
pub mod dial;
pub mod exchange;
pub mod facts;
pub mod family;
pub mod frames;
pub mod http;
pub mod ledger;
pub mod library;
pub mod metrics;
pub mod network;
pub mod nginx;
pub mod oracle;
pub mod port;
pub mod process;
pub mod python;
pub mod scratch;
pub mod servers;
pub mod truth;
