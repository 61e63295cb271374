//! The names of a cause, counted.

use std::cmp::Reverse;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::connection::Facts;
use crate::observer::Judged;
use crate::verdict::SniState;

/// Different combinations of names that are counted apart within one cause.
const KEPT: usize = 64;

/// Combinations of server name and authority.
#[derive(Clone, Debug, Default)]
pub struct Names {
    counts: HashTable<NameCount>,
    hasher: DefaultHashBuilder,
    /// Exchanges whose names found no room.
    pub other: u64,
}

/// One combination, counted.
#[derive(Clone, Debug)]
pub struct NameCount {
    /// The connection of the first; of the others' only the server name is the same.
    connection: Arc<Facts>,
    /// Effective authority, normalised; `None` if unknown.
    pub authority: Option<Box<str>>,
    /// How many.
    pub count: u64,
}

impl NameCount {
    /// Server name, as sent.
    pub fn sni(&self) -> Option<&str> {
        self.connection.name.as_sent()
    }

    /// What is known of the server name.
    pub fn sni_state(&self) -> SniState {
        SniState::from(&self.connection.name)
    }

    fn key(&self) -> Key<'_> {
        (self.sni(), self.sni_state(), self.authority.as_deref())
    }
}

type Key<'a> = (Option<&'a str>, SniState, Option<&'a str>);

impl Names {
    pub(super) fn add(&mut self, judged: &Judged) {
        let name = &judged.connection.name;
        let key: Key<'_> = (name.as_sent(), SniState::from(name), judged.authority.as_deref());
        let hash = self.hasher.hash_one(key);
        if let Some(known) = self.counts.find_mut(hash, |known| known.key() == key) {
            known.count += 1;
        } else if self.counts.len() < KEPT {
            let new = NameCount {
                connection: Arc::clone(&judged.connection),
                authority: judged.authority.clone(),
                count: 1,
            };
            let hasher = &self.hasher;
            self.counts
                .insert_unique(hash, new, |known| hasher.hash_one(known.key()));
        } else {
            self.other += 1;
        }
    }

    /// From the most to the least frequent.
    pub fn by_count(&self) -> Vec<&NameCount> {
        let mut names: Vec<_> = self.counts.iter().collect();
        names.sort_by_key(|name| {
            (
                Reverse(name.count),
                name.authority.clone(),
                name.sni().map(str::to_owned),
            )
        });
        names
    }

    /// Whether any of them fits.
    pub fn any(&self, mut fits: impl FnMut(&NameCount) -> bool) -> bool {
        self.counts.iter().any(&mut fits)
    }
}
