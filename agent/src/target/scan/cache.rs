//! What is known about files that were examined, so that each is examined once.

use std::collections::HashMap;
use std::sync::Arc;

use super::open::FileKey;
use crate::target::proof::Code;
use crate::target::stripped::Refusal;

/// Files that are remembered. A node has a few thousand different libraries and programs.
const LIMIT: usize = 1 << 14;

/// What a file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing of interest.
    Other,
    /// A TLS library, or a program with one inside.
    Tls,
    /// The certificate code that a TLS library uses.
    Crypto,
    /// An ELF file that contradicts itself.
    Broken(String),
    /// A program whose TLS functions were found by what their code does.
    Code(Arc<Code>),
    /// A program with a TLS library whose functions are not found for certain.
    Unproven(Refusal),
    /// Nothing that a symbol tells: its code was not looked at yet.
    Unsearched,
}

/// Bounded memory of examined files.
#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: HashMap<FileKey, (u64, Content)>,
    round: u64,
}

impl Cache {
    /// A new round begins: what is not used in it may be forgotten.
    pub(super) fn next_round(&mut self) {
        self.round += 1;
    }

    /// What is known of a file.
    pub(super) fn get(&mut self, key: &FileKey) -> Option<Content> {
        let (used, content) = self.entries.get_mut(key)?;
        *used = self.round;
        Some(content.clone())
    }

    /// Remembers a file. When there are too many, those unused in this round go, or else all.
    pub(super) fn insert(&mut self, key: FileKey, content: Content) {
        if self.entries.len() >= LIMIT {
            let round = self.round;
            self.entries.retain(|_, (used, _)| *used == round);
        }
        if self.entries.len() >= LIMIT {
            self.entries.clear();
        }
        self.entries.insert(key, (self.round, content));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Reached;
    use crate::target::scan::open::Located;

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_in_use() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, b"x").unwrap();
        let mut key = Located::at(path, Reached::Library).unwrap().key;
        let mut cache = Cache::default();
        for inode in 0..LIMIT as u64 {
            key.id.ino = inode;
            cache.insert(key, Content::Other);
        }
        cache.next_round();
        key.id.ino = 7;
        assert_eq!(cache.get(&key), Some(Content::Other));
        key.id.ino = u64::MAX;
        cache.insert(key, Content::Tls);
        assert_eq!(cache.entries.len(), 2);
        for inode in 0..2 * LIMIT as u64 {
            key.id.ino = inode;
            cache.insert(key, Content::Other);
            assert!(cache.entries.len() <= LIMIT);
        }
    }
}
