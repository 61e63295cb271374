//! What the operator says: whom to trust, which names belong together, what to keep quiet about, when to alert.
//!
//! A policy adds facts to what was seen ([`Policy::learned`]); it never changes a verdict in another way.

//!
//! ```text
//! file ──load──▶ bytes ──parse──▶ Policy, or every mistake
//!                                   │ learned, is_ignored, shown: asked for each exchange
//!                                   └ rules, sinks, limits, windows: read by those whom they concern
//! ```

mod defaults;
mod duration;
mod example;
pub mod gateway;
mod learned;
mod load;
pub mod parse;
mod party;
mod pattern;
mod privacy;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod testing;
mod write;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::alert::Rule;

pub use example::example;
use gateway::Listener;
pub use learned::Situation;
pub use load::{Refusal, load};
pub use party::{Network, NetworkError, Party};
pub use pattern::{Names, Pattern, PatternError};
pub use privacy::{Key, KeyError, Privacy};

/// A policy, whole and valid.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Policy {
    /// Clients that may mix names on a connection (verdict `trusted_gateway`).
    pub trusted_gateways: Vec<Party>,
    /// Servers that are forward proxies (verdict `proxy_generated_421`).
    pub forward_proxies: Vec<Party>,
    /// Servers that are alternative services (RFC 7838; verdict `altsvc_421`).
    pub alternative_services: Vec<AlternativeService>,
    /// Groups of names that share a connection on purpose.
    pub shared_names: Vec<Names>,
    /// Listeners of Gateways.
    pub listeners: Vec<Listener>,
    /// Names to keep quiet about.
    pub privacy: Privacy,
    /// How much is kept.
    pub limits: Limits,
    /// How long things belong together.
    pub windows: Windows,
    /// When to alert.
    pub rules: Vec<Rule>,
    /// Whom to tell.
    pub sinks: Sinks,
}

/// A server that stands in for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlternativeService {
    /// The server.
    pub server: Party,
    /// Names that it stands in for; empty: all.
    pub names: Names,
}

/// How much is kept; every number is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Different combinations of names in `wrongway_findings_total`.
    pub metric_names: usize,
    /// Alerts that may fire at once, for each rule.
    pub alerts_per_rule: usize,
    /// Listeners that are remembered.
    pub listeners: usize,
    /// Names that are remembered for each listener.
    pub names_per_listener: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            metric_names: 500,
            alerts_per_rule: 100,
            listeners: 1024,
            names_per_listener: 256,
        }
    }
}

/// How long things belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// What a client does after a 421 is its answer to it within this time.
    pub retry: Duration,
    /// A 421 within this time after the last was cured is ping-pong.
    pub ping_pong: Duration,
    /// What is known of a listener is forgotten when it was not seen for this long.
    pub listener: Duration,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            retry: Duration::from_secs(10),
            ping_pong: Duration::from_mins(5),
            listener: Duration::from_hours(24),
        }
    }
}

/// Whom to tell of alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sinks {
    /// The agent's log.
    pub log: bool,
    /// The findings journal, if there is one.
    pub journal: bool,
    /// URLs that are sent a JSON object for each change.
    pub webhooks: Vec<String>,
    /// Base URLs of Alertmanagers, which are sent alerts with their API v2.
    pub alertmanagers: Vec<String>,
    /// Labels that every alert has, such as `cluster`.
    pub labels: BTreeMap<String, String>,
}

impl Default for Sinks {
    fn default() -> Self {
        Self {
            log: true,
            journal: true,
            webhooks: Vec::new(),
            alertmanagers: Vec::new(),
            labels: BTreeMap::new(),
        }
    }
}
