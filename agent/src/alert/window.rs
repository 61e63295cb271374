//! A sliding window that counts in buckets, so that its memory does not grow with what it counts.

use std::collections::VecDeque;
use std::time::Duration;

/// Buckets that a window is divided into.
const BUCKETS: u64 = 60;

/// How a window of one length is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// Width of a bucket, nanoseconds; at least 1.
    width: u64,
}

impl Grid {
    pub(super) fn new(window: Duration) -> Self {
        let nanoseconds = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        Self {
            width: nanoseconds.div_ceil(BUCKETS).max(1),
        }
    }

    const fn index(self, time: u64) -> u64 {
        time / self.width
    }

    /// When what fell into the bucket has left the window.
    const fn expiry(self, index: u64) -> u64 {
        index.saturating_add(BUCKETS + 1).saturating_mul(self.width)
    }
}

/// Counts what came within the window: everything that is not older than the window, and nothing that is older by
/// more than one bucket, a sixtieth of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// Those that are not empty, oldest first; at most one more than [`BUCKETS`].
    buckets: VecDeque<Bucket>,
    count: u64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    index: u64,
    count: u64,
    /// Number of the first exchange in it.
    first: u64,
}

impl Window {
    /// Counts an exchange. Times must not fall, and what left by then must be [expired](Self::expire).
    pub(super) fn add(&mut self, grid: Grid, time: u64, id: u64) {
        let index = grid.index(time);
        self.count = self.count.saturating_add(1);
        match self.buckets.back_mut() {
            Some(bucket) if bucket.index >= index => bucket.count = bucket.count.saturating_add(1),
            _ => self.buckets.push_back(Bucket {
                index,
                count: 1,
                first: id,
            }),
        }
    }

    /// When its count falls next, if nothing comes.
    pub(super) fn falls_at(&self, grid: Grid) -> Option<u64> {
        self.buckets.front().map(|bucket| grid.expiry(bucket.index))
    }

    /// Lets go of what is too old at `time`.
    pub(super) fn expire(&mut self, grid: Grid, time: u64) {
        while let Some(bucket) = self.buckets.front()
            && grid.expiry(bucket.index) <= time
        {
            self.count = self.count.saturating_sub(bucket.count);
            self.buckets.pop_front();
        }
    }

    /// How many are within the window.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Number of the first of them.
    pub(super) fn first(&self) -> Option<u64> {
        self.buckets.front().map(|bucket| bucket.first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_the_whole_window_and_at_most_a_bucket_more(
            window in 1_u64..5_000,
            mut times in prop::collection::vec(0_u64..20_000, 0..200),
        ) {
            times.sort_unstable();
            let grid = Grid::new(Duration::from_nanos(window));
            let mut counted = Window::default();
            for (index, now) in times.iter().copied().enumerate() {
                counted.expire(grid, now);
                counted.add(grid, now, index as u64);
                let within = |age: u64| {
                    times[..=index].iter().filter(|time| now - **time <= age).count() as u64
                };
                prop_assert!(counted.count() >= within(window));
                prop_assert!(counted.count() <= within(61 * grid.width));
                prop_assert!(counted.buckets.len() as u64 <= BUCKETS + 1);
                let oldest = index as u64 + 1 - counted.count();
                prop_assert_eq!(counted.first(), Some(oldest));
            }
        }
    }

    #[test]
    fn the_end_of_time_is_no_trap() {
        let grid = Grid::new(Duration::MAX);
        let mut window = Window::default();
        window.add(grid, u64::MAX, 1);
        assert_eq!(window.falls_at(grid), Some(u64::MAX));
        window.expire(grid, u64::MAX);
        assert_eq!(window.count(), 0);
    }
}
