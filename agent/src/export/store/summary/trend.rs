//! Whether a cause goes on.

/// Nanoseconds.
const MINUTE: u64 = 60_000_000_000;
/// Minutes that are compared with those before them.
const SPAN: u64 = 5;
/// Minutes that are kept.
const KEPT: usize = 10;
const _: () = assert!(KEPT as u64 == 2 * SPAN);

/// Exchanges of each of the last minutes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trend {
    /// The latest minute with an exchange, since the Unix epoch.
    minute: u64,
    /// By minute, modulo their number.
    counts: [u32; KEPT],
}

/// How the last five minutes compare with the five before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More than one and a half times as many.
    Rising,
    /// About as many.
    Steady,
    /// Fewer than two thirds.
    Falling,
    /// None any more.
    Over,
}

impl Direction {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rising => "rising",
            Self::Steady => "steady",
            Self::Falling => "falling",
            Self::Over => "over",
        }
    }
}

impl Trend {
    /// An exchange, at this time in nanoseconds since the Unix epoch.
    pub(super) fn add(&mut self, time: u64) {
        let minute = time / MINUTE;
        if minute > self.minute {
            for passed in (self.minute + 1..=minute).rev().take(KEPT) {
                *self.slot(passed) = 0;
            }
            self.minute = minute;
        }
        if self.minute - minute < KEPT as u64 {
            let slot = self.slot(minute);
            *slot = slot.saturating_add(1);
        }
    }

    /// How many came in the last five minutes before `now`, nanoseconds since the Unix epoch, and in the five before
    /// those; the minute that is under way counts as one.
    pub fn counts(&self, now: u64) -> (u64, u64) {
        let now = (now / MINUTE).max(self.minute);
        let (mut lately, mut before) = (0, 0);
        for (index, count) in self.counts.iter().enumerate() {
            // The latest minute that has this slot.
            let back = (self.minute + KEPT as u64 - index as u64) % KEPT as u64;
            let age = now - self.minute + back;
            if back > self.minute {
                continue;
            }
            if age < SPAN {
                lately += u64::from(*count);
            } else if age < 2 * SPAN {
                before += u64::from(*count);
            }
        }
        (lately, before)
    }

    /// What that means.
    pub fn direction(&self, now: u64) -> Direction {
        match self.counts(now) {
            (0, _) => Direction::Over,
            (lately, before) if 2 * lately > 3 * before => Direction::Rising,
            (lately, before) if 3 * lately < 2 * before => Direction::Falling,
            _ => Direction::Steady,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "less than the number of slots")]
    const fn slot(&mut self, minute: u64) -> &mut u32 {
        &mut self.counts[(minute % KEPT as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::new(&[(10, 3)], 10, (3, 0), Direction::Rising)]
    #[case::as_before(&[(5, 3), (9, 3)], 10, (3, 3), Direction::Steady)]
    #[case::too_long_ago_to_compare(&[(0, 9), (9, 1)], 10, (1, 0), Direction::Rising)]
    #[case::fewer_than_before(&[(5, 9), (9, 1)], 10, (1, 9), Direction::Falling)]
    #[case::over(&[(5, 9)], 10, (0, 9), Direction::Over)]
    #[case::long_over(&[(5, 9)], 1000, (0, 0), Direction::Over)]
    fn five_minutes_are_compared(
        #[case] exchanges: &[(u64, u64)],
        #[case] now: u64,
        #[case] counts: (u64, u64),
        #[case] direction: Direction,
    ) {
        let mut trend = Trend::default();
        for (minute, count) in exchanges {
            for _ in 0..*count {
                trend.add(minute * MINUTE);
            }
        }
        assert_eq!(trend.counts(now * MINUTE), counts);
        assert_eq!(trend.direction(now * MINUTE), direction);
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_list(minutes in prop::collection::vec(0..40u64, 0..50), later in 0..20u64) {
            let mut minutes = minutes;
            minutes.sort_unstable();
            let mut trend = Trend::default();
            for minute in &minutes {
                trend.add(minute * MINUTE);
            }
            let now = minutes.last().copied().unwrap_or(0) + later;
            let within = |from: u64, to: u64| {
                minutes.iter().filter(|minute| (from..to).contains(&(now - **minute))).count() as u64
            };
            prop_assert_eq!(trend.counts(now * MINUTE), (within(0, 5), within(5, 10)));
        }
    }
}
