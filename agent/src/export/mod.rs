//! What leaves the agent: metrics, the control socket, recordings.

pub mod view;
