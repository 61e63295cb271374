//! The state that readers see: bounded, in memory, written by the observer alone.
//!
//! Every part has a fixed capacity and gives up its oldest items first. What is given up is a loss of stage
//! `store`: it was seen and counted, and can no longer be shown.

mod connections;
mod ring;
mod summary;

use std::sync::Arc;

use self::connections::Connections;
use self::ring::Ring;
use self::summary::Summary;
use super::metrics::Metrics;
use super::query::{Page, Query};
use super::view::{Connection, Coverage, Exchange, SummaryLine};

/// The loss stage of this part of the agent.
pub const STAGE: &str = "store";

/// Reasons for which the store gives something up.
pub const LOSS_REASONS: [&str; 5] = [
    EXCHANGE_EVICTED,
    FINDING_EVICTED,
    CLOSED_EVICTED,
    OPEN_EVICTED,
    SUMMARY_FULL,
];

const EXCHANGE_EVICTED: &str = "exchange_evicted";
const FINDING_EVICTED: &str = "finding_evicted";
const CLOSED_EVICTED: &str = "closed_connection_evicted";
const OPEN_EVICTED: &str = "open_connection_evicted";
const SUMMARY_FULL: &str = "summary_full";

/// Classes of verdicts that make an exchange a finding.
pub const FINDING_CLASSES: [&str; 5] = ["wrong_421", "missing_421", "correct_421", "watch", "malformed"];

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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            exchanges: 10_000,
            findings: 5_000,
            connections: 10_000,
            summary_lines: 2_000,
        }
    }
}

/// Recent exchanges, findings, connections, coverage, and the summary of everything since the start.
///
/// Writing also counts: each exchange and connection passes through here exactly once.
#[derive(Debug)]
pub struct Store {
    metrics: Metrics,
    exchanges: Ring<Arc<Exchange>>,
    findings: Ring<Arc<Exchange>>,
    connections: Connections,
    coverage: Vec<Arc<Coverage>>,
    summary: Summary,
}

impl Store {
    /// An empty store that counts into `metrics`.
    pub fn new(limits: Limits, metrics: Metrics) -> Self {
        metrics.expect_losses(STAGE, LOSS_REASONS);
        Self {
            exchanges: Ring::new(limits.exchanges),
            findings: Ring::new(limits.findings),
            connections: Connections::new(limits.connections, metrics.clone()),
            coverage: Vec::new(),
            summary: Summary::new(limits.summary_lines),
            metrics,
        }
    }

    /// Keeps a judged exchange.
    pub fn exchange(&mut self, exchange: Exchange) {
        self.metrics.exchange(&exchange);
        if !self.summary.count(&exchange) {
            self.metrics.loss(STAGE, SUMMARY_FULL, 1);
        }
        let exchange = Arc::new(exchange);
        if FINDING_CLASSES.contains(&exchange.class.as_str()) {
            self.metrics.finding(&exchange);
            if self.findings.push(Arc::clone(&exchange)).is_some() {
                self.metrics.loss(STAGE, FINDING_EVICTED, 1);
            }
        }
        if self.exchanges.push(exchange).is_some() {
            self.metrics.loss(STAGE, EXCHANGE_EVICTED, 1);
        }
    }

    /// Records what the client did after the 421 of the exchange `id`, learned after the exchange itself.
    pub fn set_outcome(&mut self, id: u64, outcome: &str) {
        self.metrics.outcome(outcome);
        for ring in [&mut self.exchanges, &mut self.findings] {
            if let Some(exchange) = ring.newest_first_mut().find(|exchange| exchange.id == id) {
                Arc::make_mut(exchange).outcome = Some(outcome.to_owned());
            }
        }
    }

    /// Keeps a new connection. Comes once for each connection, before [`Self::connection_closed`].
    pub fn connection_opened(&mut self, connection: Connection) {
        self.connections.open(connection);
    }

    /// Replaces what is known of a connection; nothing happens if it is no longer kept.
    pub fn connection_updated(&mut self, connection: Connection) {
        self.connections.update(connection);
    }

    /// Marks a connection as closed, with what is known in the end. Comes once for each connection.
    pub fn connection_closed(&mut self, connection: Connection) {
        self.connections.close(connection);
    }

    /// Replaces the whole coverage list.
    pub fn set_coverage(&mut self, coverage: Vec<Coverage>) {
        self.metrics.set_coverage(&coverage);
        self.coverage = coverage.into_iter().map(Arc::new).collect();
    }

    /// Recent exchanges.
    pub fn exchanges(&self, query: &Query) -> Page<Arc<Exchange>> {
        page_of_exchanges(&self.exchanges, query)
    }

    /// Recent findings: exchanges whose class is one of [`FINDING_CLASSES`].
    pub fn findings(&self, query: &Query) -> Page<Arc<Exchange>> {
        page_of_exchanges(&self.findings, query)
    }

    /// Connections, ordered by their ids.
    pub fn connections(&self, query: &Query) -> Page<Arc<Connection>> {
        let matching = self
            .connections
            .iter()
            .filter(|connection| query.keeps_connection(connection));
        Page::newest(matching.cloned(), query.limit)
    }

    /// Coverage, in the order in which it was given; filters do not apply.
    pub fn coverage(&self, query: &Query) -> Page<Arc<Coverage>> {
        Page::newest(self.coverage.iter().cloned(), query.limit)
    }

    /// Everything since the start, counted: findings first, then what is undecided, then what is fine, each
    /// from the most to the least frequent.
    pub fn summary(&self, query: &Query) -> Page<Arc<SummaryLine>> {
        let mut lines = self.summary.lines();
        lines.retain(|line| query.keeps_summary(line));
        let matched = lines.len();
        let items = lines.into_iter().take(query.limit).map(Arc::new).collect();
        Page { items, matched }
    }
}

fn page_of_exchanges(ring: &Ring<Arc<Exchange>>, query: &Query) -> Page<Arc<Exchange>> {
    let matching = ring.iter().filter(|exchange| query.keeps_exchange(exchange));
    Page::newest(matching.cloned(), query.limit)
}

#[cfg(test)]
mod tests;
