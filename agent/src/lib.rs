//! Wrongway: which HTTP requests arrived on a TLS connection made for somebody else, and what the server did
//! about it.
//!
//! Data flows one way: [`kernel`] hands records to [`observer`], which joins them into connections and
//! exchanges, judges each ([`verdict`]), and passes the result to [`export`].
#![deny(unsafe_code)]

pub mod alert;
pub mod check;
pub mod cli;
pub mod code;
pub mod connection;
pub mod decode;
pub mod export;
pub mod http;
pub mod journal;
pub mod kernel;
pub mod listener;
pub mod live;
pub mod observer;
pub mod outcome;
pub mod policy;
pub mod recording;
pub mod remedy;
pub mod target;
pub mod verdict;
pub mod wire;
