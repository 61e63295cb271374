//! The metrics of the public contract, with bounded label values.

mod exchanges;
mod families;
mod label;
mod policy;

use std::borrow::Borrow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ebpf::fault::Fault;
use ebpf::function::Function;
use prometheus::IntCounter;

use self::exchanges::Exchanges;
use self::families::Families;
use self::label::{Bounded, file_name, known, name_or_state};
use super::present::sni_provenance;
use super::view::Coverage;
use crate::connection::{Facts, Role};
use crate::decode;
use crate::http;
use crate::observer::{self, Judged};
use crate::verdict::SniState;
use crate::wire::client_hello::Transport;
use crate::wire::hello::Outcome;

/// Distinct combinations of SNI, authority and server that `wrongway_findings_total` tells apart.
const MAX_FINDING_NAMES: usize = 200;
/// Distinct libraries that are told apart.
const MAX_LIBRARIES: usize = 64;
/// Distinct reasons of coverage that are told apart.
const MAX_REASONS: usize = 64;
/// What stands in for label values beyond a bound.
const OTHER: &str = "other";

/// What may follow a 421 (`wrongway_421_outcomes_total`).
pub const OUTCOMES: [&str; 7] = [
    "cured",
    "second_421",
    "not_retried",
    "same_connection_retry",
    "loop",
    "ping_pong",
    NOT_OBSERVABLE,
];
/// The outcome of a 421 of which nothing more is learned.
pub const NOT_OBSERVABLE: &str = "not_observable";

/// Handle on all metrics; clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    families: Families,
    exchanges: Exchanges,
    finding_names: Bounded<[String; 3]>,
    libraries: Bounded<String>,
    reasons: Bounded<String>,
    before_scrape: Mutex<Vec<Hook>>,
    /// Held while several samples change together, so that no scrape sees half of it.
    consistent: Mutex<()>,
}

type Hook = Box<dyn Fn(&Metrics) + Send + Sync>;

impl Metrics {
    /// All metrics, at zero where their labels are known beforehand.
    pub fn new() -> Self {
        let families = Families::new();
        let metrics = Self(Arc::new(Inner {
            exchanges: Exchanges::new(families.exchanges.clone()),
            families,
            finding_names: Bounded::new(MAX_FINDING_NAMES),
            libraries: Bounded::new(MAX_LIBRARIES),
            reasons: Bounded::new(MAX_REASONS),
            before_scrape: Mutex::new(Vec::new()),
            consistent: Mutex::new(()),
        }));
        metrics.expect_losses("kernel", Fault::ALL.map(Fault::as_str));
        metrics.expect_losses(decode::STAGE, decode::Malformed::LABELS);
        metrics.expect_losses(observer::STAGE, observer::Loss::ALL.map(observer::Loss::as_str));
        metrics.expect_losses(http::STAGE, http::Loss::ALL.map(http::Loss::as_str));
        for function in Function::ALL {
            metrics.set_probe_hits(function.symbol(), 0);
        }
        for result in observer::JOIN_RESULTS {
            metrics.families().joins.with_label_values(&[result]);
        }
        for transport in Transport::ALL {
            for outcome in Outcome::ALL {
                let labels = [transport.as_str(), outcome.as_str()];
                metrics.families().client_hellos.with_label_values(&labels);
            }
        }
        for outcome in OUTCOMES {
            metrics.families().outcomes.with_label_values(&[outcome]);
        }
        metrics.expect_policy();
        metrics
    }

    /// Shows a zero for each of these verdicts, so that the first of a kind is an increase.
    pub fn expect_verdicts<'a>(&self, verdicts: impl IntoIterator<Item = &'a str>) {
        for verdict in verdicts {
            for role in Role::ALL.map(Role::as_str) {
                for protocol in ["http/1.1", "h2"] {
                    self.families()
                        .exchanges
                        .with_label_values(&[role, protocol, verdict]);
                }
            }
        }
    }

    /// Shows a zero for each of these reasons to lose something at `stage`.
    pub fn expect_losses<'a>(&self, stage: &str, reasons: impl IntoIterator<Item = &'a str>) {
        for reason in reasons {
            self.families().losses.with_label_values(&[stage, reason]);
        }
    }

    /// Counts an exchange, and what followed it if that is known already.
    pub(super) fn exchange(&self, judged: &Judged) {
        self.0
            .exchanges
            .of(judged.role(), judged.exchange.protocol, judged.verdict)
            .inc();
        if judged.status() == Some(421) {
            self.outcome(NOT_OBSERVABLE);
        }
    }

    /// Counts an exchange that is a finding.
    pub(super) fn finding(&self, judged: &Judged) {
        let connection = &*judged.connection;
        let names = [
            name_or_state(judged.sni(), SniState::from(&connection.name).as_str()),
            label::bounded_length(known(judged.authority.as_deref())),
            file_name(connection.process.exe.as_deref()),
        ];
        let verdict = judged.verdict.as_str();
        let findings = &self.families().findings;
        if self.0.finding_names.admits(&names) {
            let [sni, authority, server] = &names;
            findings
                .with_label_values(&[verdict, sni, authority, server])
                .inc();
        } else {
            findings.with_label_values(&[verdict, OTHER, OTHER, OTHER]).inc();
        }
    }

    /// Counts what a client did after a 421.
    pub(super) fn outcome(&self, outcome: &str) {
        self.families().outcomes.with_label_values(&[outcome]).inc();
    }

    /// One more connection is open.
    pub(super) fn connection_opened(&self) {
        self.families().connections_open.inc();
    }

    /// One connection fewer is open.
    pub(super) fn connection_closed(&self) {
        self.families().connections_open.dec();
    }

    /// Counts a connection, once its facts have settled.
    pub(super) fn connection(&self, facts: &Facts) {
        let library = file_name(facts.process.library.as_deref());
        let library = self.0.libraries.or_other(library);
        let role = known(facts.role.map(Role::as_str));
        let labels = [role, library.as_str(), known(sni_provenance(facts))];
        self.families().connections.with_label_values(&labels).inc();
    }

    /// Replaces the coverage gauges.
    pub(super) fn set_coverage(&self, coverage: &[impl Borrow<Coverage>]) {
        let _consistent = self.consistent();
        let processes = &self.families().coverage;
        processes.reset();
        for line in coverage.iter().map(Borrow::<Coverage>::borrow) {
            let library = line.process.library.as_deref().unwrap_or(&line.family);
            let library = self.0.libraries.or_other(file_name(Some(library)));
            let reason = line.reason.as_deref().unwrap_or("none");
            let reason = self.0.reasons.or_other(label::bounded_length(reason));
            let labels = [library.as_str(), line.visibility.as_str(), reason.as_str()];
            processes.with_label_values(&labels).inc();
        }
    }

    /// Counts a ClientHello seen on the wire. `transport` is `tcp` or `quic`; `result` comes from a fixed set.
    pub fn client_hello(&self, transport: &str, result: &str) {
        self.families()
            .client_hellos
            .with_label_values(&[transport, result])
            .inc();
    }

    /// Counts an attempt to tie a library's connection to what another source knows of it. `result` comes
    /// from a fixed set.
    pub fn join(&self, result: &str) {
        self.families().joins.with_label_values(&[result]).inc();
    }

    /// Counts an alert of the rule of this name.
    pub fn alert(&self, rule: &str) {
        self.families().alerts.with_label_values(&[rule]).inc();
    }

    /// Counts `count` things that were seen but not kept. Stage and reason come from fixed sets.
    pub fn loss(&self, stage: &str, reason: &str, count: u64) {
        self.loss_counter(stage, reason).inc_by(count);
    }

    /// The counter of what [`Self::loss`] counts, for those who count often.
    pub(super) fn loss_counter(&self, stage: &str, reason: &str) -> IntCounter {
        self.families().losses.with_label_values(&[stage, reason])
    }

    /// Raises a loss counter to `total`, as summed up elsewhere since the start. It never falls: a lower
    /// total changes nothing. Not to be mixed with [`Self::loss`] for the same stage and reason.
    pub fn set_losses(&self, stage: &str, reason: &str, total: u64) {
        self.raise(&self.families().losses.with_label_values(&[stage, reason]), total);
    }

    /// Raises the hits of `probe`, a hooked function's symbol, to `total`; never lowers them.
    pub fn set_probe_hits(&self, probe: &str, total: u64) {
        self.raise(&self.families().probe_hits.with_label_values(&[probe]), total);
    }

    /// Every loss so far that is not zero, as stage, reason and count.
    pub fn losses(&self) -> Vec<(String, String, u64)> {
        self.run_hooks();
        families::losses(&self.families().losses)
    }

    /// Calls `hook` before each scrape, to bring in counters that are kept elsewhere. It should take well
    /// under a millisecond, and must neither panic nor scrape.
    pub fn before_scrape(&self, hook: impl Fn(&Self) + Send + Sync + 'static) {
        lock(&self.0.before_scrape).push(Box::new(hook));
    }

    /// All metrics in the text exposition format 0.0.4.
    pub fn render(&self) -> String {
        self.run_hooks();
        let _consistent = self.consistent();
        self.families().render()
    }

    fn run_hooks(&self) {
        for hook in lock(&self.0.before_scrape).iter() {
            hook(self);
        }
    }

    fn raise(&self, counter: &IntCounter, total: u64) {
        let _consistent = self.consistent();
        counter.inc_by(total.saturating_sub(counter.get()));
    }

    fn families(&self) -> &Families {
        &self.0.families
    }

    fn consistent(&self) -> MutexGuard<'_, ()> {
        lock(&self.0.consistent)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Counters stay usable after a panic elsewhere: no invariant spans them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
