//! The state that readers see: bounded, in memory, written by the observer alone.
//!
//! Every part has a fixed capacity and gives up its oldest items first. What is given up is a loss of stage
//! `store`: it was seen and counted, and can no longer be shown.

mod alerts;
mod connections;
mod coverage;
mod loss;
mod ring;
mod summary;

use std::collections::VecDeque;
use std::sync::Arc;

pub use self::connections::{AUTHORITIES, Connection, Traffic};
pub use self::loss::{Loss, STAGE};
pub use self::summary::{Cause, Clients, Line, NameCount, Names, Trend};

use self::alerts::AlertList;
use self::connections::Connections;
use self::coverage::CoverageList;
use self::loss::Losses;
use self::ring::Ring;
use self::summary::Summary;
use super::metrics::Metrics;
use super::query::{Page, Query};
use super::view::{self, Coverage};
use crate::alert::Notice;
use crate::connection::{Facts, Pair};
use crate::observer::Judged;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::verdict::Class;

/// How much of each kind is kept; every number is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Recent exchanges.
    pub exchanges: usize,
    /// Recent exchanges that are findings.
    pub findings: usize,
    /// Connections, open or recently closed.
    pub connections: usize,
    /// Distinct lines of the summary, beside the one that takes the rest.
    pub summary_lines: usize,
    /// Alerts that are over.
    pub alerts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            exchanges: 10_000,
            findings: 5_000,
            connections: 10_000,
            summary_lines: 2_000,
            alerts: 1_000,
        }
    }
}

/// What followed a 421.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// What the client did.
    pub outcome: Outcome,
    /// The exchange with which it asked again, if it did.
    pub retried_as: Option<u64>,
}

/// A recent exchange. A clone copies a pointer.
#[derive(Clone, Debug)]
pub struct Recent {
    /// The exchange.
    pub judged: Arc<Judged>,
    /// What the client did after a 421, once that is known.
    pub outcome: Option<Followed>,
    /// The other end of its connection; `None` if that is not known yet, or the connection is no longer kept.
    pub pair: Option<Arc<Pair>>,
}

/// A finding. A clone copies a pointer.
#[derive(Clone, Debug)]
pub enum Finding {
    /// Of this run.
    Recent(Recent),
    /// Of an earlier one.
    Past(Arc<view::Exchange>),
}

/// What is kept of an exchange and of what happened around it. A clone copies pointers.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The exchange.
    pub exchange: Recent,
    /// Its connection.
    pub connection: Option<Connection>,
    /// The latest exchanges of the connection, itself among them, in their order; at most [`NEIGHBOURS`].
    pub neighbours: Vec<Recent>,
    /// The exchange with which the client asked again.
    pub retry: Option<Recent>,
}

/// Exchanges of a connection that are shown with one of them.
pub const NEIGHBOURS: usize = 64;

/// Recent exchanges, findings, connections, coverage, and the summary of everything since the start.
///
/// Writing also counts: each exchange and connection passes through here exactly once. What is kept is what
/// came; objects of the contract are made of it by whoever asks ([`super::present`]).
#[derive(Debug)]
pub struct Store {
    metrics: Metrics,
    losses: Losses,
    exchanges: Ring<Recent>,
    findings: Ring<Recent>,
    /// Findings of earlier runs, from the journal; they make room for new ones.
    past: VecDeque<Arc<view::Exchange>>,
    connections: Connections,
    coverage: CoverageList,
    summary: Summary,
    alerts: AlertList,
}

impl Store {
    /// An empty store that counts into `metrics`.
    pub fn new(limits: Limits, metrics: Metrics) -> Self {
        let losses = Losses::new(&metrics);
        Self {
            exchanges: Ring::new(limits.exchanges),
            findings: Ring::new(limits.findings),
            past: VecDeque::new(),
            connections: Connections::new(limits.connections, metrics.clone(), losses.clone()),
            coverage: CoverageList::default(),
            summary: Summary::new(limits.summary_lines),
            alerts: AlertList::new(limits.alerts),
            metrics,
            losses,
        }
    }

    /// Keeps a judged exchange, and adds it to its connection; one whose names the policy hides is only counted.
    pub fn exchange(&mut self, judged: Arc<Judged>, policy: &Policy) {
        self.metrics.exchange(&judged);
        if is_finding(judged.class()) {
            self.metrics.finding(&judged, policy);
        }
        if policy.hides([judged.authority.as_deref(), judged.sni()]) {
            return;
        }
        self.connections.exchange(&judged);
        if !self.summary.count(&judged) {
            self.losses.count(Loss::SummaryFull);
        }
        let recent = Recent {
            judged,
            outcome: None,
            pair: None,
        };
        if is_finding(recent.judged.class()) {
            let evicted = self.findings.push(recent.clone()).is_some();
            if self.findings.len() + self.past.len() > self.findings.capacity() {
                self.past.pop_front();
            }
            if evicted {
                self.losses.count(Loss::Finding);
            }
        }
        if self.exchanges.push(recent).is_some() {
            self.losses.count(Loss::Exchange);
        }
    }

    /// Records what the client did after the 421 of the exchange `id`. Comes once for each.
    pub fn set_outcome(&mut self, id: u64, followed: Followed) {
        self.metrics.outcome(followed.outcome);
        for ring in [&mut self.exchanges, &mut self.findings] {
            if let Some(recent) = ring.find_mut(|recent| recent.judged.id.cmp(&id)) {
                recent.outcome = Some(followed);
            }
        }
    }

    /// Keeps a new connection. Comes once for each connection, before [`Self::connection_closed`].
    pub fn connection_opened(&mut self, facts: Arc<Facts>) {
        self.connections.open(facts);
    }

    /// Replaces what is known of a connection; nothing happens if it is no longer kept.
    pub fn connection_updated(&mut self, facts: Arc<Facts>) {
        self.connections.update(facts);
    }

    /// Marks a connection as closed, with what is known in the end. Comes once for each connection.
    pub fn connection_closed(&mut self, facts: Arc<Facts>) {
        self.connections.close(facts);
    }

    /// Keeps a connection of which nothing but its ClientHello can be seen, so that its end will not be told.
    pub fn connection_of_hello(&mut self, facts: Arc<Facts>) {
        if self.coverage.add(&facts.process) {
            self.metrics.set_coverage(self.coverage.lines());
        }
        self.connections.add_hello(facts);
    }

    /// A process ended, or replaced its image, of which nothing but ClientHellos could be seen.
    pub fn process_ended(&mut self, pid: u32) {
        self.coverage.remove(pid);
        self.metrics.set_coverage(self.coverage.lines());
    }

    /// Drops a connection that is now told under another number, by a library.
    pub fn connection_superseded(&mut self, id: u64) {
        self.connections.remove(id);
    }

    /// Replaces what discovery says of all processes.
    pub fn set_coverage(&mut self, coverage: Vec<Coverage>) {
        self.coverage.set(coverage);
        self.metrics.set_coverage(self.coverage.lines());
    }

    /// Replaces what is known of the alerts that fire.
    pub fn set_firing(&mut self, firing: impl IntoIterator<Item = Notice>) {
        self.alerts.set_firing(firing.into_iter().map(Arc::new).collect());
    }

    /// Keeps an alert that is over.
    pub fn alert_over(&mut self, notice: Notice) {
        if self.alerts.add_over(notice) {
            self.losses.count(Loss::Alert);
        }
    }

    /// Alerts that are over, and then those that fire; filters do not apply.
    pub fn alerts(&self, query: &Query) -> Page<Arc<Notice>> {
        Page::newest(self.alerts.iter(), query.limit)
    }

    /// Recent exchanges.
    pub fn exchanges(&self, query: &Query) -> Page<Recent> {
        self.page_of(&self.exchanges, query)
    }

    /// Findings of earlier runs, oldest first, as the journal has them.
    pub fn set_past(&mut self, findings: impl Iterator<Item = view::Exchange>) {
        self.past = findings.map(Arc::new).collect();
    }

    /// Findings, exchanges that are neither fine nor undecided: those of earlier runs, then recent ones.
    pub fn findings(&self, query: &Query) -> Page<Finding> {
        let recent = self.page_of(&self.findings, query);
        let room = query.limit - recent.items.len();
        let past = Page::newest(self.past.iter().filter(|past| query.keeps_view(past)), room);
        let items = past.items.into_iter().map(Finding::Past);
        Page {
            items: items
                .chain(recent.items.into_iter().map(Finding::Recent))
                .collect(),
            matched: past.matched + recent.matched,
        }
    }

    /// A finding of an earlier run.
    pub fn past(&self, id: u64) -> Option<&Arc<view::Exchange>> {
        self.past.iter().find(|past| past.id == id)
    }

    /// Connections, ordered by their ids.
    pub fn connections(&self, query: &Query) -> Page<Connection> {
        let matching = self
            .connections
            .iter()
            .filter(|connection| query.keeps_connection(connection));
        Page::newest(matching, query.limit)
    }

    /// Coverage, in the order in which it was given; filters do not apply.
    pub fn coverage(&self, query: &Query) -> Page<Arc<Coverage>> {
        Page::newest(self.coverage.lines().iter(), query.limit)
    }

    /// Everything since the start, counted: findings first, then what is undecided, then what is fine, each
    /// from the most to the least frequent.
    pub fn summary(&self, query: &Query) -> Page<Line> {
        let mut lines = self.summary.lines();
        lines.retain(|line| query.keeps_summary(line));
        let matched = lines.len();
        let items = lines.into_iter().take(query.limit).cloned().collect();
        Page { items, matched }
    }

    /// What is known to explain an exchange with; `None` if it is no longer kept.
    pub fn material(&self, id: u64) -> Option<Kept> {
        let find = |id: u64| {
            let compare = |recent: &Recent| recent.judged.id.cmp(&id);
            let recent = self
                .exchanges
                .find(compare)
                .or_else(|| self.findings.find(compare))?;
            Some(Recent {
                pair: self.connections.pair(recent.judged.connection.id),
                ..recent.clone()
            })
        };
        let exchange = find(id)?;
        let connection = exchange.judged.connection.id;
        let mut neighbours: Vec<Recent> = self
            .exchanges
            .iter()
            .rev()
            .filter(|recent| recent.judged.connection.id == connection)
            .take(NEIGHBOURS)
            .cloned()
            .collect();
        neighbours.reverse();
        let retried_as = exchange.outcome.and_then(|followed| followed.retried_as);
        Some(Kept {
            connection: self.connections.find(connection).cloned(),
            neighbours,
            retry: retried_as.and_then(find),
            exchange,
        })
    }

    /// With the other ends as they are known now: an exchange is often judged before its other end is seen.
    fn page_of(&self, ring: &Ring<Recent>, query: &Query) -> Page<Recent> {
        let matching = ring.iter().filter(|recent| query.keeps_exchange(&recent.judged));
        let mut page = Page::newest(matching, query.limit);
        for recent in &mut page.items {
            recent.pair = self.connections.pair(recent.judged.connection.id);
        }
        page
    }
}

/// Whether exchanges of this class deserve attention.
pub const fn is_finding(class: Class) -> bool {
    match class {
        Class::Wrong421 | Class::Missing421 | Class::Correct421 | Class::Watch | Class::Malformed => true,
        Class::Fine | Class::Undecided => false,
    }
}

#[cfg(test)]
mod tests;
