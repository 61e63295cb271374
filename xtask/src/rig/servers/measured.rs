//! Servers as they are measured: one worker on one CPU, and answers of known sizes.

use serde_json::{Value, json};

use crate::rig::nginx::{HUGE, LARGE, SMALL};

/// How a server runs whose speed is measured. It answers `/small`, `/large` and `/huge` as [`crate::rig::nginx`] does,
/// beside what it answers else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// CPU to pin it to.
    pub cpu: usize,
    /// Port of 127.0.0.1 where `/large` and `/huge` are in plain text, for those that are proxies and hold no such answers
    /// themselves: `HAProxy` returns what fits one of its buffers, and Envoy would copy all of it before it sends the first
    /// octet.
    pub backend: u16,
}

/// Paths that a proxy fetches from the backend.
pub(super) const FETCHED: [&str; 2] = ["/large", "/huge"];

/// The answer to `/small`.
pub(super) fn small() -> String {
    "s".repeat(SMALL)
}

/// Sizes of the answers, by path.
pub(super) fn sizes() -> Value {
    json!({"/small": SMALL, "/large": LARGE, "/huge": HUGE})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_has_a_size() {
        let sizes = sizes();
        assert!(FETCHED.iter().all(|path| sizes[path].is_u64()));
        assert_eq!(sizes["/small"], small().len());
    }
}
