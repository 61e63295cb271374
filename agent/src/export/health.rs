//! Whether the agent lives, and whether it observes what was there when it started.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the event loop may be silent before the agent counts as dead.
pub const MAX_SILENCE: Duration = Duration::from_secs(15);

/// Written by the event loop, read by probes.
#[derive(Debug)]
pub struct Health {
    started: Instant,
    /// Milliseconds from `started` to the latest beat.
    latest_beat: AtomicU64,
    /// Why the agent is not ready; `None` once it is.
    pending: Mutex<Option<String>>,
}

impl Health {
    /// Alive, not ready.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            latest_beat: AtomicU64::new(0),
            pending: Mutex::new(Some("the agent is starting".to_owned())),
        }
    }

    /// The event loop turns. To be called several times within [`MAX_SILENCE`], busy or not.
    pub fn beat(&self) {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.latest_beat.fetch_max(elapsed, Ordering::Relaxed);
    }

    /// Says in one line what is still missing. Nothing happens once the agent is ready: it stays so.
    pub fn set_pending(&self, reason: impl Into<String>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pending) = pending.as_mut() {
            *pending = reason.into();
        }
    }

    /// Every target that was present at start is attached.
    pub fn set_ready(&self) {
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How long the event loop has been silent.
    pub fn silence(&self) -> Duration {
        let latest_beat = Duration::from_millis(self.latest_beat.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(latest_beat)
    }

    /// Why the agent is not ready; `None` if it is.
    pub fn pending(&self) -> Option<String> {
        self.pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_final() {
        let health = Health::new();
        assert_eq!(health.pending().as_deref(), Some("the agent is starting"));
        health.set_pending("1 of 2 libraries attached");
        assert_eq!(health.pending().as_deref(), Some("1 of 2 libraries attached"));
        health.set_ready();
        health.set_pending("a library came later");
        assert_eq!(health.pending(), None);
    }

    #[test]
    fn a_beat_ends_the_silence() {
        let health = Health::new();
        std::thread::sleep(Duration::from_millis(30));
        assert!(health.silence() >= Duration::from_millis(30));
        health.beat();
        assert!(health.latest_beat.load(Ordering::Relaxed) >= 30);
        let silence = health.silence();
        assert!(silence + Duration::from_millis(30) <= health.started.elapsed());
    }
}
