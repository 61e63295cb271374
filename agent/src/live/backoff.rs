//! How long to wait before trying again: longer each time, and not in step with others.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Waits that double from one to another bound.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    shortest: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) const fn new(shortest: Duration, longest: Duration) -> Self {
        Self {
            shortest,
            longest,
            next: shortest,
        }
    }

    /// How long to wait now: between half of the next wait and all of it.
    pub(super) fn wait(&mut self) -> Duration {
        let full = self.next;
        self.next = full.saturating_mul(2).min(self.longest);
        // Its keys are random; there is no need for better.
        let random = RandomState::new().hash_one(0_u8) % 1000;
        full / 2
            + full
                .mul_f64(0.0005)
                .saturating_mul(u32::try_from(random).unwrap_or(0))
    }

    /// It worked: the next wait is short again.
    pub(super) const fn reset(&mut self) {
        self.next = self.shortest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_anew() {
        let (shortest, longest) = (Duration::from_secs(1), Duration::from_mins(1));
        let mut backoff = Backoff::new(shortest, longest);
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            let wait = backoff.wait();
            let expected = Duration::from_secs(expected);
            assert!(
                wait >= expected / 2 && wait <= expected,
                "{wait:?} for {expected:?}"
            );
        }
        backoff.reset();
        assert!(backoff.wait() <= shortest);
    }
}
