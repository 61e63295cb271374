//! Connections by id: open ones, and recently closed ones until their room is needed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{CLOSED_EVICTED, OPEN_EVICTED, STAGE};
use crate::export::metrics::Metrics;
use crate::export::view::Connection;

/// At most `capacity` connections; closed ones are given up first, in the order in which they closed.
#[derive(Debug)]
pub(super) struct Connections {
    entries: BTreeMap<u64, Entry>,
    closed: VecDeque<u64>,
    capacity: usize,
    metrics: Metrics,
}

#[derive(Debug)]
struct Entry {
    connection: Arc<Connection>,
    /// Whether it is in the metrics yet. A connection is counted once, as soon as its labels are known.
    counted: bool,
}

impl Connections {
    pub(super) fn new(capacity: usize, metrics: Metrics) -> Self {
        Self {
            entries: BTreeMap::new(),
            closed: VecDeque::new(),
            capacity,
            metrics,
        }
    }

    pub(super) fn open(&mut self, connection: Connection) {
        self.metrics.connection_opened();
        while self.entries.len() >= self.capacity && self.evict() {}
        let id = connection.id;
        let entry = Entry {
            connection: Arc::new(connection),
            counted: false,
        };
        self.entries.insert(id, entry);
        self.count_if_settled(id);
    }

    pub(super) fn update(&mut self, connection: Connection) {
        let id = connection.id;
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.connection = Arc::new(connection);
            self.count_if_settled(id);
        }
    }

    pub(super) fn close(&mut self, mut connection: Connection) {
        self.metrics.connection_closed();
        connection.open = false;
        let id = connection.id;
        if self.entries.get(&id).is_some_and(|entry| entry.connection.open) {
            self.closed.push_back(id);
        }
        self.update(connection);
    }

    /// By id, ascending.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Connection>> {
        self.entries.values().map(|entry| &entry.connection)
    }

    /// Gives up the connection that closed first, or else the oldest open one. False if there is none.
    fn evict(&mut self) -> bool {
        if let Some(id) = self.closed.pop_front() {
            self.entries.remove(&id);
            self.metrics.loss(STAGE, CLOSED_EVICTED, 1);
            return true;
        }
        let Some((_, entry)) = self.entries.pop_first() else {
            return false;
        };
        if !entry.counted {
            self.metrics.connection(&entry.connection);
        }
        self.metrics.loss(STAGE, OPEN_EVICTED, 1);
        true
    }

    fn count_if_settled(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let connection = &entry.connection;
        let settled = !connection.open || (connection.role.is_some() && connection.sni_state != "unknown");
        if settled && !entry.counted {
            entry.counted = true;
            self.metrics.connection(connection);
        }
    }
}
