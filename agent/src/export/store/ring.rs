//! A queue with a fixed capacity that gives up its oldest item for a new one.

use std::cmp::Ordering;
use std::collections::VecDeque;

/// The newest `capacity` items.
#[derive(Debug)]
pub(super) struct Ring<T> {
    items: VecDeque<T>,
    capacity: usize,
}

impl<T> Ring<T> {
    /// An empty ring; memory is taken as items come.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            items: VecDeque::new(),
            capacity,
        }
    }

    /// Appends `item`, and returns the oldest if there was no room.
    pub(super) fn push(&mut self, item: T) -> Option<T> {
        let evicted = if self.items.len() >= self.capacity {
            self.items.pop_front()
        } else {
            None
        };
        self.items.push_back(item);
        evicted
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// How many there can be.
    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// From the oldest to the newest.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter()
    }

    /// The item that `compare` calls equal, where the items came in its order.
    pub(super) fn find(&self, compare: impl FnMut(&T) -> Ordering) -> Option<&T> {
        let index = self.items.binary_search_by(compare).ok()?;
        self.items.get(index)
    }

    /// As [`Self::find`].
    pub(super) fn find_mut(&mut self, compare: impl FnMut(&T) -> Ordering) -> Option<&mut T> {
        let index = self.items.binary_search_by(compare).ok()?;
        self.items.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_returns_the_oldest() {
        let mut ring = Ring::new(2);
        assert_eq!(ring.push(1), None);
        assert_eq!(ring.push(2), None);
        assert_eq!(ring.push(3), Some(1));
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [2, 3]);
    }
}
