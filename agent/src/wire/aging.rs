//! A map of a bounded size whose oldest entries go first.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

/// Values by their key, in the order in which they were inserted.
#[derive(Debug)]
pub(super) struct Aging<K, V> {
    capacity: usize,
    entries: HashMap<K, Entry<V>>,
    /// Keys by number, with the time of their insertion: whether the oldest is due is asked for each record.
    order: BTreeMap<u64, (u64, K)>,
    inserted: u64,
}

#[derive(Debug)]
struct Entry<V> {
    number: u64,
    value: V,
}

impl<K: Copy + Eq + Hash, V> Aging<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: HashMap::new(),
            order: BTreeMap::new(),
            inserted: 0,
        }
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn find(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    /// Inserts a value under a key that has none, and returns the oldest if there are too many.
    pub(super) fn insert(&mut self, key: K, time: u64, value: V) -> Option<(K, V)> {
        let oldest = if self.entries.len() >= self.capacity {
            self.remove_oldest()
        } else {
            None
        };
        self.inserted += 1;
        let number = self.inserted;
        self.order.insert(number, (time, key));
        if let Some(replaced) = self.entries.insert(key, Entry { number, value }) {
            self.order.remove(&replaced.number);
        }
        oldest
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.number);
        Some(entry.value)
    }

    pub(super) fn remove_oldest(&mut self) -> Option<(K, V)> {
        let (_, (_, key)) = self.order.pop_first()?;
        self.entries.remove(&key).map(|entry| (key, entry.value))
    }

    /// Removes the oldest if it was inserted with a time before this one.
    pub(super) fn remove_older(&mut self, time: u64) -> Option<(K, V)> {
        let (_, &(inserted, _)) = self.order.first_key_value()?;
        if inserted >= time {
            return None;
        }
        self.remove_oldest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut aging = Aging::new(2);
        assert_eq!(aging.insert('a', 1, 10), None);
        assert_eq!(aging.insert('b', 2, 20), None);
        assert_eq!(aging.insert('c', 3, 30), Some(('a', 10)));
        assert_eq!(aging.remove(&'b'), Some(20));
        assert_eq!(aging.insert('d', 4, 40), None);
        assert_eq!(aging.find(&'c'), Some(&mut 30));
        assert!(!aging.contains(&'b'));
    }

    #[test]
    fn what_is_older_is_removed_one_by_one() {
        let mut aging = Aging::new(9);
        for (key, time) in [('a', 1), ('b', 1), ('c', 3)] {
            aging.insert(key, time, ());
        }
        assert_eq!(aging.remove_older(3), Some(('a', ())));
        assert_eq!(aging.remove_older(3), Some(('b', ())));
        assert_eq!(aging.remove_older(3), None);
        assert_eq!(aging.remove_older(4), Some(('c', ())));
        assert_eq!(aging.remove_older(4), None);
    }

    #[test]
    fn a_key_that_is_inserted_again_is_new() {
        let mut aging = Aging::new(9);
        aging.insert('a', 1, 1);
        aging.insert('b', 2, 2);
        aging.insert('a', 3, 3);
        assert_eq!(aging.remove_oldest(), Some(('b', 2)));
        assert_eq!(aging.remove_oldest(), Some(('a', 3)));
        assert_eq!(aging.remove_oldest(), None);
    }
}
