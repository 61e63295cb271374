//! What the observer and the readers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::health::Health;
use super::metrics::Metrics;
use super::store::{Limits, Store};
use crate::observer::Output;

/// Handle on store, metrics and health; clones share them.
///
/// The observer takes the lock once for a batch of facts. Readers hold it only to copy pointers, so that a
/// slow reader never holds up the observer.
#[derive(Clone, Debug)]
pub struct Shared(Arc<State>);

#[derive(Debug)]
struct State {
    store: Mutex<Store>,
    metrics: Metrics,
    health: Health,
}

impl Shared {
    /// Empty, with the given capacities.
    pub fn new(limits: Limits) -> Self {
        let metrics = Metrics::new();
        Self(Arc::new(State {
            store: Mutex::new(Store::new(limits, metrics.clone())),
            metrics,
            health: Health::new(),
        }))
    }

    /// Locks the store. Each fact is written whole, so the store outlives a writer that panicked.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the observer tells.
    pub fn take(&self, outputs: impl Iterator<Item = Output>) {
        let mut store = self.store();
        for output in outputs {
            match output {
                Output::Opened(facts) => store.connection_opened(facts),
                Output::Updated(facts) => store.connection_updated(facts),
                Output::Closed(facts) => store.connection_closed(facts),
                Output::Exchange(judged) => store.exchange(judged),
                Output::Lost { stage, reason, count } => self.metrics().loss(stage, reason, count),
                Output::Joined { result } => self.metrics().join(result),
                Output::SniOnly(facts) => store.connection_of_hello(facts),
                Output::ProcessEnded { pid } => store.process_ended(pid),
                Output::Superseded { id } => store.connection_superseded(id),
                Output::ClientHello { transport, result } => {
                    self.metrics().client_hello(transport.as_str(), result);
                }
                Output::Confirm { .. } | Output::Unclaimed { .. } => {}
            }
        }
    }

    /// Counters that are not facts of an exchange or a connection: losses, hits, joins.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The event loop's sign of life, and readiness.
    pub fn health(&self) -> &Health {
        &self.0.health
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}
