//! Alerts that fire, and those that are over since lately.

use std::sync::Arc;

use super::ring::Ring;
use crate::alert::Notice;

/// What becomes of alerts. Those that fire are bounded by whoever raises them.
#[derive(Debug)]
pub(super) struct AlertList {
    firing: Vec<Arc<Notice>>,
    over: Ring<Arc<Notice>>,
}

impl AlertList {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            firing: Vec::new(),
            over: Ring::new(capacity),
        }
    }

    /// Replaces those that fire.
    pub(super) fn set_firing(&mut self, mut firing: Vec<Arc<Notice>>) {
        firing.sort_by_key(|notice| notice.id);
        self.firing = firing;
    }

    /// Keeps one that is over; true if an older one had to make room.
    pub(super) fn add_over(&mut self, notice: Notice) -> bool {
        self.over.push(Arc::new(notice)).is_some()
    }

    /// Those that are over, in the order in which they ended, and then those that fire, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Notice>> {
        self.over.iter().chain(&self.firing)
    }
}
