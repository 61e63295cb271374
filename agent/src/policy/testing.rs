//! Policies for tests.

use std::path::Path;

use super::parse::{Mistakes, parse};
use super::{Key, Policy};

/// The policy that `text` says; every file holds a key.
pub(crate) fn parsed(text: &str) -> Policy {
    attempt(text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

/// The policy that `text` says, or its mistakes; every file holds a key.
pub(super) fn attempt(text: &str) -> Result<Policy, Mistakes> {
    parse(text, &read_key)
}

/// A key for every file.
pub(super) fn key(file: &Path) -> Key {
    Key::new(file, b"0123456789abcdef").unwrap()
}

/// As the policy asks for it.
#[expect(clippy::unnecessary_wraps, reason = "it stands in for one that may fail")]
pub(super) fn read_key(file: &Path) -> Result<Key, String> {
    Ok(key(file))
}
