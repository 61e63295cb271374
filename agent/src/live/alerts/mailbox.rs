//! Something that one thread changes and another waits for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is shared, and whether more will come.
#[derive(Debug)]
pub(super) struct Mailbox<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    content: T,
    closed: bool,
}

/// Whether there is something to do.
#[derive(Debug)]
pub(super) enum Work<R> {
    /// This.
    Now(R),
    /// Not before this long, unless something changes.
    In(Duration),
    /// Not until something changes.
    None,
}

impl<T> Mailbox<T> {
    pub(super) const fn new(content: T) -> Self {
        Self {
            state: Mutex::new(State {
                content,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Changes it, which takes no time.
    pub(super) fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock().content);
        self.changed.notify_all();
        result
    }

    /// Says that nothing more will come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits until there is work. `None`: it is closed, and there is none left.
    pub(super) fn next<R>(&self, mut work: impl FnMut(&mut T) -> Work<R>) -> Option<R> {
        let mut state = self.lock();
        loop {
            let patience = match work(&mut state.content) {
                Work::Now(work) => return Some(work),
                _ if state.closed => return None,
                Work::In(patience) => Some(patience),
                Work::None => None,
            };
            state = match patience {
                Some(patience) => {
                    let waited = self.changed.wait_timeout(state, patience);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Waits this long, or until it is closed. Whether it is.
    pub(super) fn sleep(&self, duration: Duration) -> bool {
        let end = Instant::now() + duration;
        let mut state = self.lock();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                return state.closed;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Each change is whole, so it outlives a thread that panicked.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
