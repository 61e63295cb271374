//! The dynamic table: RFC 7541, sections 2.3.2 and 4, as an onlooker can keep it.
//!
//! An index counts insertions backwards: index 0 is the latest, whatever has been evicted meanwhile, because
//! eviction takes from the other end only. So as long as every insertion since a certain one was seen, its index
//! names it and nothing else. That is why an error in the *size* of the table, which after a loss is no longer
//! known exactly, can never yield a wrong value:
//!
//! - An entry that is kept here but was evicted by the encoder is one that the encoder no longer refers to.
//! - An entry that was evicted here but not by the encoder has an index beyond those kept. While the table is
//!   *complete* (every insertion seen, every size known) that cannot happen; otherwise such an index reads as
//!   unknown.
//! - An entry too large for the table empties it and is not inserted (section 4.4). Whether that happened, one
//!   cannot always know. It is given a place here all the same, without content: if the encoder did insert it,
//!   the place is needed, and if it did not, everything of that index or older is gone and never referred to.
//!
//! After a loss insertions may have been missed, and every index may be off by their number: all entries are
//! forgotten, and only those inserted later, which stand in front, are known again.

use std::collections::VecDeque;

use super::Malformed;
use super::name::Name;

/// What an entry costs beside its octets: RFC 7541, section 4.1.
const OVERHEAD: u32 = 32;
/// Largest size kept, in the measure of RFC 7541, whatever the peers agreed on. Browsers and servers ask for 4
/// to 64 KiB.
const KEPT: u64 = 128 * 1024;

/// A dynamic table.
pub(super) struct Table {
    /// The latest in front.
    entries: VecDeque<Entry>,
    /// Sum of the sizes of `entries`; after a loss a lower bound.
    size: u64,
    /// The size the encoder set, if that is known.
    capacity: Option<u32>,
    /// Whether `entries` is all that the encoder's table holds.
    complete: bool,
}

/// A dynamic entry: of most fields only the sizes are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name.
    pub(super) name: Name,
    /// Octets of its name; 0 if they are not known.
    pub(super) name_length: u32,
    /// Octets of its value.
    pub(super) value_length: u32,
    /// Its value, if it is one that is kept.
    pub(super) value: Option<Box<str>>,
}

impl Entry {
    /// What is known of an entry that was not seen.
    pub(super) const UNKNOWN: Self = Self {
        name: Name::Unknown,
        name_length: 0,
        value_length: 0,
        value: None,
    };

    fn size(&self) -> u64 {
        u64::from(self.name_length) + u64::from(self.value_length) + u64::from(OVERHEAD)
    }
}

impl Table {
    /// The empty table of a new connection.
    pub(super) fn new(capacity: u32) -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            capacity: Some(capacity),
            complete: true,
        }
    }

    /// Something was missed: nothing that was known is reliable.
    pub(super) fn forget(&mut self) {
        self.entries.clear();
        self.size = 0;
        self.capacity = None;
        self.complete = false;
    }

    /// The entry of a zero-based index: `None` if it was not seen.
    ///
    /// # Errors
    /// [`Malformed::Index`] if the table is complete and has no such entry.
    pub(super) fn entry(&self, index: u32) -> Result<Option<&Entry>, Malformed> {
        let entry = usize::try_from(index)
            .ok()
            .and_then(|index| self.entries.get(index));
        if entry.is_none() && self.complete {
            return Err(Malformed::Index {
                index,
                entries: self.entries.len(),
            });
        }
        Ok(entry)
    }

    /// Inserts in front, after evicting what the entry displaces.
    pub(super) fn insert(&mut self, entry: Entry) {
        if self
            .capacity
            .is_some_and(|capacity| entry.size() > u64::from(capacity))
        {
            self.evict_to(0);
            self.complete = false;
            self.push(Entry::UNKNOWN);
            return;
        }
        if let Some(capacity) = self.capacity {
            self.evict_to(u64::from(capacity).saturating_sub(entry.size()));
        }
        if self.size + entry.size() > KEPT {
            self.evict_to(KEPT.saturating_sub(entry.size()));
            self.complete = false;
        }
        self.push(entry);
    }

    /// The encoder set the size of its table.
    pub(super) fn resize(&mut self, capacity: u32) {
        self.capacity = Some(capacity);
        self.evict_to(u64::from(capacity));
        if capacity == 0 {
            // Nothing can be left, seen or not.
            self.complete = true;
        }
    }

    /// Sum of the sizes of the entries, to compare with the examples of the RFC.
    #[cfg(test)]
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    fn push(&mut self, entry: Entry) {
        self.size += entry.size();
        self.entries.push_front(entry);
    }

    fn evict_to(&mut self, size: u64) {
        while self.size > size {
            let Some(evicted) = self.entries.pop_back() else {
                break;
            };
            self.size -= evicted.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: &str) -> Entry {
        Entry {
            name: Name::Host,
            name_length: 4,
            value_length: u32::try_from(value.len()).unwrap(),
            value: Some(value.into()),
        }
    }

    fn values(table: &Table) -> Vec<&str> {
        table
            .entries
            .iter()
            .filter_map(|entry| entry.value.as_deref())
            .collect()
    }

    #[test]
    fn evicts_the_oldest_to_make_room() {
        let mut table = Table::new(3 * 37);
        for value in ["a", "b", "c", "d"] {
            table.insert(entry(value));
        }
        assert_eq!(values(&table), ["d", "c", "b"]);
        assert_eq!(table.size, 3 * 37);
    }

    #[test]
    fn a_smaller_size_evicts_at_once() {
        let mut table = Table::new(4096);
        for value in ["a", "b", "c"] {
            table.insert(entry(value));
        }
        table.resize(2 * 37 + 36);
        assert_eq!(values(&table), ["c", "b"]);
    }

    #[test]
    fn an_entry_larger_than_the_table_empties_it() {
        let mut table = Table::new(64);
        table.insert(entry("a"));
        table.insert(entry(&"x".repeat(64)));
        assert_eq!(values(&table), Vec::<&str>::new());
        table.insert(entry("b"));
        assert_eq!(table.entry(0).unwrap().unwrap().value.as_deref(), Some("b"));
    }

    #[test]
    fn a_complete_table_refuses_an_index_it_has_not() {
        let mut table = Table::new(4096);
        table.insert(entry("a"));
        assert!(matches!(
            table.entry(1),
            Err(Malformed::Index { index: 1, entries: 1 })
        ));
    }

    #[test]
    fn after_a_loss_only_later_insertions_are_known() {
        let mut table = Table::new(4096);
        table.insert(entry("a"));
        table.forget();
        assert_eq!(table.entry(0).unwrap(), None);
        table.insert(entry("b"));
        assert_eq!(table.entry(0).unwrap().unwrap().value.as_deref(), Some("b"));
        assert_eq!(table.entry(1).unwrap(), None);
    }

    #[test]
    fn a_size_of_zero_makes_a_forgotten_table_complete_again() {
        let mut table = Table::new(4096);
        table.forget();
        table.resize(0);
        assert!(table.entry(0).is_err());
    }

    #[test]
    fn memory_is_bounded_whatever_size_the_peers_agreed_on() {
        let mut table = Table::new(u32::MAX);
        for _ in 0..100_000 {
            table.insert(entry("a"));
        }
        assert!(table.size <= KEPT);
        assert_eq!(table.entry(99_999).unwrap(), None);
    }
}
