//! Names that are kept quiet about.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ring::hmac::{self, HMAC_SHA256};
use ring::rand::SystemRandom;
use thiserror::Error;

use super::{Names, Policy};
use crate::verdict::name::{Host, normalise};

/// In front of a hash, so that none is taken for a name.
const HASHED: &str = "h:";
/// How many bytes of the hash are shown. Two of a million names have the same with a chance of one in 37 million.
const SHOWN: usize = 8;

/// Names to keep quiet about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// Exchanges for these are judged and counted without names, and never listed.
    pub ignore: Names,
    /// These are shown as a keyed hash everywhere.
    pub hash: Names,
    /// The key of these hashes; `None`: one that is made up anew for each run of the agent.
    pub key: Option<Key>,
}

/// A key for hashes, from a file: with the same key, each agent shows the same hash for the same name.
#[derive(Clone)]
pub struct Key {
    file: PathBuf,
    bytes: Vec<u8>,
    hmac: hmac::Key,
}

/// What the file of a key holds is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Too few bytes to be a secret.
    #[error("has {0} bytes; expected at least {shortest} random ones", shortest = Key::SHORTEST)]
    Short(usize),
    /// More bytes than a key has.
    #[error("has more than {longest} bytes; expected a key", longest = Key::LONGEST)]
    Long,
}

impl Key {
    /// A key has at least this many bytes.
    pub const SHORTEST: usize = 16;
    /// A key has at most this many bytes.
    pub const LONGEST: usize = 4096;

    /// The key that `file` holds. Line ends after it do not belong to it.
    ///
    /// # Errors
    /// If there are too few bytes, or too many.
    pub fn new(file: &Path, content: &[u8]) -> Result<Self, KeyError> {
        let end = content.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r'));
        let bytes = &content[..end.map_or(0, |end| end + 1)];
        if bytes.len() < Self::SHORTEST {
            return Err(KeyError::Short(bytes.len()));
        }
        if bytes.len() > Self::LONGEST {
            return Err(KeyError::Long);
        }
        Ok(Self {
            file: file.to_owned(),
            bytes: bytes.to_owned(),
            hmac: hmac::Key::new(HMAC_SHA256, bytes),
        })
    }

    /// Where it comes from.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file && self.bytes == other.bytes
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Key")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Policy {
    /// Whether exchanges for `host` are judged and counted without names, and never listed.
    pub fn is_ignored(&self, host: &Host) -> bool {
        self.privacy.ignore.contains(host)
    }

    /// How a server name or an authority is shown: as it is, or as the keyed hash of its host, with its port.
    /// Spellings of one name have one hash. Of what is no authority, and has a name that is to be hashed in it, nothing
    /// is shown but a hash.
    pub fn shown<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let hash = &self.privacy.hash;
        if hash.is_empty() {
            return Cow::Borrowed(name);
        }
        match normalise(name) {
            Ok(authority) if !hash.contains(&authority.host) => Cow::Borrowed(name),
            Ok(authority) => {
                let hashed = self.hashed(&authority.host.into_text());
                Cow::Owned(match authority.port {
                    Some(port) => format!("{hashed}:{port}"),
                    None => hashed,
                })
            }
            Err(_) => {
                let text = name.to_lowercase();
                if hash.stand_in(&text) {
                    Cow::Owned(self.hashed(&text))
                } else {
                    Cow::Borrowed(name)
                }
            }
        }
    }

    fn hashed(&self, text: &str) -> String {
        let key = match &self.privacy.key {
            Some(key) => &key.hmac,
            None => key_of_this_run(),
        };
        let tag = hmac::sign(key, text.as_bytes());
        let shown = tag.as_ref().first_chunk::<SHOWN>().expect("SHA-256 has 32 bytes");
        format!("{HASHED}{:016x}", u64::from_be_bytes(*shown))
    }
}

/// Made up once: a reload of the policy does not change what is shown.
fn key_of_this_run() -> &'static hmac::Key {
    static KEY: OnceLock<hmac::Key> = OnceLock::new();
    KEY.get_or_init(|| {
        hmac::Key::generate(HMAC_SHA256, &SystemRandom::new()).expect("the kernel has random numbers")
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn policy(hash: &[&str], key: Option<&[u8]>) -> Policy {
        Policy {
            privacy: Privacy {
                ignore: ["health.internal".parse().unwrap()].into_iter().collect(),
                hash: hash.iter().map(|pattern| pattern.parse().unwrap()).collect(),
                key: key.map(|key| Key::new(Path::new("/key"), key).unwrap()),
            },
            ..Policy::default()
        }
    }

    #[rstest]
    #[case::name("a.tenant.example", "h:")]
    #[case::port("a.tenant.example:8443", "h:")]
    #[case::another_name("a.shop.example", "a.shop.example")]
    #[case::as_it_was_written("A.Shop.Example.:443", "A.Shop.Example.:443")]
    #[case::malformed("root@a.tenant.example", "h:")]
    #[case::malformed_in_upper_case("root@A.TENANT.EXAMPLE", "h:")]
    #[case::malformed_without_a_name("root@a.shop.example", "root@a.shop.example")]
    #[case::wildcard_of_a_certificate("*.tenant.example", "h:")]
    #[case::empty("", "")]
    fn names_are_shown_or_hashed(#[case] name: &str, #[case] expected: &str) {
        let shown = policy(&["*.tenant.example"], None).shown(name).into_owned();
        if expected == HASHED {
            assert!(shown.starts_with(HASHED), "{shown}");
            assert!(!shown.contains("tenant"), "{shown}");
        } else {
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn spellings_of_a_name_have_one_hash_and_keep_their_port() {
        let policy = policy(&["a.tenant.example"], None);
        let hash = policy.shown("a.tenant.example").into_owned();
        assert_eq!(hash.len(), HASHED.len() + 2 * SHOWN);
        assert_eq!(policy.shown("A.Tenant.Example."), hash);
        assert_eq!(policy.shown("a.tenant.example:443"), hash);
        assert_eq!(policy.shown("a.tenant.example:8443"), format!("{hash}:8443"));
        assert_eq!(policy.shown(&hash), hash, "a hash is not hashed again");
    }

    #[test]
    fn the_key_of_a_file_decides() {
        let shown = |key| policy(&["a.example"], Some(key)).shown("a.example").into_owned();
        // printf a.example | openssl dgst -sha256 -hmac 0123456789abcdef
        assert_eq!(shown(b"0123456789abcdef".as_slice()), "h:c98862cc05fa15af");
        assert_eq!(shown(b"0123456789abcdef\r\n"), shown(b"0123456789abcdef"));
        assert_ne!(shown(b"0123456789abcdeg"), shown(b"0123456789abcdef"));
    }

    #[test]
    fn without_a_file_the_hash_is_that_of_the_run() {
        let once = policy(&["a.example"], None).shown("a.example").into_owned();
        assert_eq!(policy(&["*.example"], None).shown("a.example"), once);
    }

    #[test]
    fn a_key_has_a_length() {
        let key = |content: &[u8]| Key::new(Path::new("/key"), content).map(drop);
        assert_eq!(key(b"short\n"), Err(KeyError::Short(5)));
        assert_eq!(key(b"\n\n"), Err(KeyError::Short(0)));
        assert_eq!(key(&[7; Key::LONGEST + 1]), Err(KeyError::Long));
        assert_eq!(key(&[7; Key::LONGEST]), Ok(()));
    }

    #[test]
    fn a_key_is_not_printed() {
        let policy = policy(&[], Some(b"0123456789abcdef"));
        assert!(!format!("{policy:?}").contains("0123"), "{policy:?}");
        assert!(!format!("{policy:?}").contains("48, 49"), "{policy:?}");
    }

    #[test]
    fn ignored_names_are_told() {
        let policy = policy(&[], None);
        assert!(policy.is_ignored(&Host::Name("health.internal".to_owned())));
        assert!(!policy.is_ignored(&Host::Name("a.health.internal".to_owned())));
    }
}
