//! The two directions of a connection.

use std::ops::{Index, IndexMut};

use ebpf::record::Direction;

/// The other direction.
pub(super) const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Read => Direction::Write,
        Direction::Write => Direction::Read,
    }
}

/// One value for each direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PerDirection<T> {
    read: T,
    write: T,
}

impl<T> PerDirection<T> {
    /// Makes each value.
    pub(super) fn from_fn(mut make: impl FnMut() -> T) -> Self {
        Self {
            read: make(),
            write: make(),
        }
    }

    /// Both values.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        [&mut self.read, &mut self.write].into_iter()
    }
}

impl<T> Index<Direction> for PerDirection<T> {
    type Output = T;

    fn index(&self, direction: Direction) -> &T {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }
}

impl<T> IndexMut<Direction> for PerDirection<T> {
    fn index_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }
}
