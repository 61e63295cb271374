//! Label values made from foreign names: short, printable, and few.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{OTHER, lock};
use crate::alert;

const UNKNOWN: &str = "unknown";

/// The value, or `unknown`.
pub(super) fn known(value: Option<&str>) -> &str {
    value.unwrap_or(UNKNOWN)
}

/// A server name, or the word for why there is none: `absent` or `unknown`.
pub(super) fn name_or_state(name: Option<&str>, state: &str) -> String {
    bounded_length(match (name, state) {
        (Some(name), _) => name,
        (None, "absent") => "absent",
        (None, _) => UNKNOWN,
    })
}

/// The last component of a path, or `unknown`.
pub(super) fn file_name(path: Option<&str>) -> String {
    let name = path.and_then(|path| path.rsplit('/').find(|name| !name.is_empty()));
    bounded_length(known(name))
}

/// `value` without control characters, cut where it is longer than a name can be.
pub(super) fn bounded_length(value: &str) -> String {
    alert::bounded(value).into_owned()
}

/// The first `capacity` distinct values that were asked about.
///
/// They stay admitted for good: a time series that comes and goes would break the rates computed from it.
pub(super) struct Bounded<T> {
    admitted: Mutex<HashSet<T>>,
    capacity: AtomicUsize,
}

impl<T: Clone + Eq + Hash> Bounded<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            admitted: Mutex::default(),
            capacity: AtomicUsize::new(capacity),
        }
    }

    /// Admits so many from now on; those that are admitted stay.
    pub(super) fn set_capacity(&self, capacity: usize) {
        self.capacity.store(capacity, Ordering::Relaxed);
    }

    /// Whether `value` is among the first.
    pub(super) fn admits(&self, value: &T) -> bool {
        let mut admitted = lock(&self.admitted);
        if admitted.contains(value) {
            return true;
        }
        if admitted.len() >= self.capacity.load(Ordering::Relaxed) {
            return false;
        }
        admitted.insert(value.clone())
    }
}

impl Bounded<String> {
    /// `value` if it is among the first, else `other`.
    pub(super) fn or_other(&self, value: String) -> String {
        if self.admits(&value) {
            value
        } else {
            OTHER.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_reduced_to_their_file_name() {
        assert_eq!(file_name(Some("/usr/sbin/nginx")), "nginx");
        assert_eq!(file_name(Some("nginx")), "nginx");
        assert_eq!(file_name(Some("/")), "unknown");
        assert_eq!(file_name(None), "unknown");
    }

    #[test]
    fn a_missing_name_says_why() {
        assert_eq!(name_or_state(Some("a.example"), "sent"), "a.example");
        assert_eq!(name_or_state(None, "absent"), "absent");
        assert_eq!(name_or_state(None, "unknown"), "unknown");
    }
}
