//! Connections by id: open ones, and recently closed ones until their room is needed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::loss::{Loss, Losses};
use crate::connection::{Facts, Pair, ServerName};
use crate::export::metrics::Metrics;
use crate::http::Protocol;
use crate::observer::Judged;

/// Authorities of one connection that are kept.
pub const AUTHORITIES: usize = 16;

/// A connection with what it carried. A clone copies pointers and counters.
#[derive(Clone, Debug)]
pub struct Connection {
    /// What is known of it.
    pub facts: Arc<Facts>,
    /// Whether it is still open.
    pub open: bool,
    /// What it carried.
    pub traffic: Traffic,
}

/// What a connection carried.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Requests seen.
    pub requests: u64,
    /// Version of HTTP of the latest request; `None` while there was none.
    pub protocol: Option<Protocol>,
    /// Different authorities of the requests, normalised, in order of first appearance; at most [`AUTHORITIES`].
    pub authorities: Arc<[Box<str>]>,
}

impl Traffic {
    fn add(&mut self, judged: &Judged) {
        self.requests += 1;
        self.protocol = Some(judged.exchange.protocol);
        if let Some(authority) = &judged.authority
            && self.authorities.len() < AUTHORITIES
            && !self.authorities.contains(authority)
        {
            let known = self.authorities.iter().chain([authority]);
            self.authorities = known.cloned().collect();
        }
    }
}

/// At most `capacity` connections; closed ones are given up first, in the order in which they closed.
#[derive(Debug)]
pub(super) struct Connections {
    entries: BTreeMap<u64, Entry>,
    closed: VecDeque<u64>,
    capacity: usize,
    metrics: Metrics,
    losses: Losses,
}

#[derive(Debug)]
struct Entry {
    connection: Connection,
    /// Whether it is in the metrics yet. A connection is counted once, as soon as its labels are known.
    counted: bool,
}

impl Connections {
    pub(super) fn new(capacity: usize, metrics: Metrics, losses: Losses) -> Self {
        Self {
            entries: BTreeMap::new(),
            closed: VecDeque::new(),
            capacity,
            metrics,
            losses,
        }
    }

    pub(super) fn open(&mut self, facts: Arc<Facts>) {
        self.metrics.connection_opened();
        while self.entries.len() >= self.capacity && self.evict() {}
        let mut entry = Entry {
            connection: Connection {
                facts,
                open: true,
                traffic: Traffic::default(),
            },
            counted: false,
        };
        entry.count_if_settled(&self.metrics);
        self.entries.insert(entry.connection.facts.id, entry);
    }

    /// A connection whose end will not be told: it makes room like one that has closed.
    pub(super) fn add_hello(&mut self, facts: Arc<Facts>) {
        while self.entries.len() >= self.capacity && self.evict() {}
        let mut entry = Entry {
            connection: Connection {
                facts,
                open: false,
                traffic: Traffic::default(),
            },
            counted: false,
        };
        entry.count_if_settled(&self.metrics);
        let id = entry.connection.facts.id;
        self.closed.push_back(id);
        self.entries.insert(id, entry);
    }

    pub(super) fn remove(&mut self, id: u64) {
        if self.entries.remove(&id).is_some() {
            self.closed.retain(|closed| *closed != id);
        }
    }

    pub(super) fn update(&mut self, facts: Arc<Facts>) {
        if let Some(entry) = self.entries.get_mut(&facts.id) {
            entry.connection.facts = facts;
            entry.count_if_settled(&self.metrics);
        }
    }

    pub(super) fn close(&mut self, facts: Arc<Facts>) {
        self.metrics.connection_closed();
        if let Some(entry) = self.entries.get_mut(&facts.id) {
            if entry.connection.open {
                self.closed.push_back(facts.id);
            }
            entry.connection.open = false;
            entry.connection.facts = facts;
            entry.count_if_settled(&self.metrics);
        }
    }

    /// Adds an exchange to its connection; nothing happens if that is no longer kept.
    pub(super) fn exchange(&mut self, judged: &Judged) {
        if let Some(entry) = self.entries.get_mut(&judged.connection.id) {
            entry.connection.traffic.add(judged);
        }
    }

    /// The other end of a connection, if both are known.
    pub(super) fn pair(&self, id: u64) -> Option<Arc<Pair>> {
        self.find(id)?.facts.pair.clone()
    }

    /// The connection with this number.
    pub(super) fn find(&self, id: u64) -> Option<&Connection> {
        self.entries.get(&id).map(|entry| &entry.connection)
    }

    /// By id, ascending.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Connection> {
        self.entries.values().map(|entry| &entry.connection)
    }

    /// Gives up the connection that closed first, or else the oldest open one. False if there is none.
    fn evict(&mut self) -> bool {
        if let Some(id) = self.closed.pop_front() {
            self.entries.remove(&id);
            self.losses.count(Loss::ClosedConnection);
            return true;
        }
        let Some((_, entry)) = self.entries.pop_first() else {
            return false;
        };
        if !entry.counted {
            self.metrics.connection(&entry.connection.facts);
        }
        self.losses.count(Loss::OpenConnection);
        true
    }
}

impl Entry {
    fn count_if_settled(&mut self, metrics: &Metrics) {
        let Connection { facts, open, .. } = &self.connection;
        let settled = !open || (facts.role.is_some() && facts.name != ServerName::Unknown);
        if settled && !self.counted {
            self.counted = true;
            metrics.connection(facts);
        }
    }
}
