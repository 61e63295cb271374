//! How often which client makes a request.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// New connections a second at most: each is a process of its own.
const NEW: f64 = 10.0;
/// A new connection's share of the requests.
const SHARE: f64 = 0.2;

/// Requests a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// On connections that are made for each.
    pub(super) new: f64,
    /// On each connection that is kept.
    pub(super) kept: f64,
}

impl Pace {
    /// Divides requests among new connections and this number of kept ones.
    pub(super) fn of(rate: u32, kept: u32) -> Self {
        let rate = f64::from(rate);
        let new = (rate * SHARE).min(NEW);
        Self {
            new,
            kept: (rate - new) / f64::from(kept),
        }
    }
}

/// Does something at a rate until a time. What is late is not made up for: a slow server is not flooded.
pub(super) fn keep(rate: f64, until: Instant, mut act: impl FnMut()) {
    let interval = Duration::from_secs_f64(1.0 / rate);
    let mut next = Instant::now();
    while next < until {
        sleep(next.saturating_duration_since(Instant::now()));
        act();
        next = (next + interval).max(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(pace: Pace, new: f64, kept: f64) -> bool {
        (pace.new - new).abs() < 0.001 && (pace.kept - kept).abs() < 0.001
    }

    #[test]
    fn new_connections_have_a_share_up_to_a_limit() {
        assert!(is(Pace::of(10, 4), 2.0, 2.0));
        assert!(is(Pace::of(1000, 4), 10.0, 247.5));
    }

    #[test]
    fn what_is_late_is_not_made_up_for() {
        let until = Instant::now() + Duration::from_millis(100);
        let mut times = 0;
        keep(100.0, until, || {
            times += 1;
            sleep(Duration::from_millis(40));
        });
        assert!(times <= 3, "{times} times");
    }
}
