//! What the observer and the readers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::health::Health;
use super::metrics::Metrics;
use super::store::{Followed, Limits, Store};
use crate::listener::Listener;
use crate::observer::Output;
use crate::policy::Policy;

/// Handle on store, metrics and health; clones share them.
///
/// The observer takes the lock once for a batch of facts. Readers hold it only to copy pointers, so that a
/// slow reader never holds up the observer.
#[derive(Clone, Debug)]
pub struct Shared(Arc<State>);

#[derive(Debug)]
struct State {
    store: Mutex<Store>,
    /// Readers that wait for what the observer knows of listeners.
    listeners: Mutex<Vec<oneshot::Sender<Vec<Listener>>>>,
    metrics: Metrics,
    health: Health,
    policy: Mutex<Arc<Policy>>,
}

impl Shared {
    /// Empty, with the given capacities.
    pub fn new(limits: Limits) -> Self {
        let metrics = Metrics::new();
        Self(Arc::new(State {
            store: Mutex::new(Store::new(limits, metrics.clone())),
            listeners: Mutex::default(),
            metrics,
            health: Health::new(),
            policy: Mutex::default(),
        }))
    }

    /// Locks the store. Each fact is written whole, so the store outlives a writer that panicked.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.0.store)
    }

    /// Asks for what the observer knows of listeners. It answers when it next looks, several times a second; a sender
    /// that was dropped says that it runs no more.
    pub fn ask_listeners(&self) -> oneshot::Receiver<Vec<Listener>> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.0.listeners).push(sender);
        receiver
    }

    /// Answers those who asked for listeners, if there are any.
    pub fn answer_listeners<'a, I: Iterator<Item = &'a Listener>>(&self, listeners: impl Fn() -> I) {
        for asked in lock(&self.0.listeners).drain(..) {
            // Who asked may have gone.
            let _ = asked.send(listeners().cloned().collect());
        }
    }

    /// Shows no more than this policy allows from now on.
    pub fn set_policy(&self, policy: Arc<Policy>) {
        self.metrics().set_finding_names(policy.limits.metric_names);
        *lock(&self.0.policy) = policy;
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&lock(&self.0.policy))
    }

    /// Takes what the observer tells.
    pub fn take(&self, outputs: impl Iterator<Item = Output>) {
        let policy = self.policy();
        let mut store = self.store();
        for output in outputs {
            match output {
                Output::Opened(facts) => store.connection_opened(facts),
                Output::Updated(facts) => store.connection_updated(facts),
                Output::Closed(facts) => store.connection_closed(facts),
                Output::Exchange(judged) => store.exchange(judged, &policy),
                Output::Outcome {
                    exchange,
                    outcome,
                    retried_as,
                } => store.set_outcome(exchange, Followed { outcome, retried_as }),
                Output::Lost { stage, reason, count } => self.metrics().loss(stage, reason, count),
                Output::Joined { result } => self.metrics().join(result),
                Output::SniOnly(facts) => store.connection_of_hello(facts),
                Output::ProcessEnded { pid } => store.process_ended(pid),
                Output::Superseded { id } => store.connection_superseded(id),
                Output::ClientHello {
                    transport, result, ..
                } => {
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Shared {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}
