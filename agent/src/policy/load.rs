//! A policy from its file.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::parse::{LARGEST, Mistakes, parse_bytes};
use super::{Key, Policy};

/// Why a file is no policy.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It cannot be read.
    #[error("cannot read policy {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// There are mistakes in it.
    #[error("policy {} has {}; the first: {}", path.display(), count(mistakes), mistakes.first[0])]
    Mistaken {
        /// The file.
        path: PathBuf,
        /// All of them.
        mistakes: Mistakes,
    },
}

/// The number of mistakes, in words.
fn count(mistakes: &Mistakes) -> String {
    match mistakes.count() {
        1 => "1 mistake".to_owned(),
        count => format!("{count} mistakes"),
    }
}

/// Reads the policy in `path`, and the key that it names.
///
/// # Errors
/// If the file cannot be read, or there are mistakes in it.
pub fn load(path: &Path) -> Result<Policy, Refusal> {
    let bytes = read(path, LARGEST).map_err(|cause| Refusal::Unreadable {
        path: path.to_owned(),
        cause,
    })?;
    parse_bytes(&bytes, &read_key).map_err(|mistakes| Refusal::Mistaken {
        path: path.to_owned(),
        mistakes,
    })
}

fn read_key(path: &Path) -> Result<Key, String> {
    match read(path, Key::LONGEST as u64) {
        Ok(content) => Key::new(path, &content).map_err(|error| error.to_string()),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

/// The bytes of a file, and one more than `most` of one that is larger.
fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = load(Path::new("/nowhere/policy.toml")).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot read policy /nowhere/policy.toml: No such file"),
            "{error}"
        );
    }

    #[test]
    fn a_directory_is_no_file() {
        let error = load(Path::new("/")).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot read policy /: Is a directory"),
            "{error}"
        );
    }

    #[test]
    fn a_file_without_end_is_read_to_the_bound() {
        let error = load(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(error.contains("more than 1048576 bytes"), "{error}");
    }

    #[test]
    fn an_empty_file_is_refused() {
        let error = load(Path::new("/dev/null")).unwrap_err().to_string();
        assert!(error.contains("the file is empty"), "{error}");
    }

    #[test]
    fn the_key_is_read_with_the_policy() {
        let directory = tempfile::tempdir().unwrap();
        let (policy, key) = (directory.path().join("policy.toml"), directory.path().join("key"));
        fs::write(&policy, format!("[privacy]\nkey_file = {key:?}\n")).unwrap();
        let error = load(&policy).unwrap_err().to_string();
        assert!(
            error.contains("has 1 mistake; the first: 2:12: privacy.key_file:"),
            "{error}"
        );
        assert!(error.contains("cannot be read: No such file"), "{error}");
        fs::write(&key, "0123456789").unwrap();
        let error = load(&policy).unwrap_err().to_string();
        assert!(error.contains("has 10 bytes; expected at least 16"), "{error}");
        fs::write(&key, "0123456789abcdef\n").unwrap();
        assert_eq!(load(&policy).unwrap().privacy.key.unwrap().file(), key);
    }
}
