//! How much is kept of one head, so that no peer decides how much memory the agent uses.

/// Longest value kept, in octets. A DNS name has at most 253, and a port six with its colon.
pub(super) const VALUE: usize = 512;

/// `Host` fields kept of one request. One is right, two are an attack; more is only more of it.
pub(super) const HOSTS: usize = 8;
