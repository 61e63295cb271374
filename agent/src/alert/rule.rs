//! When an alert is raised, and when it ends.

use std::time::Duration;

use super::Observation;
use crate::connection::Role;
use crate::verdict::{Class, Verdict};

/// One rule of the policy.
///
/// ```text
///          at least `threshold` in `window`, for `hold`
/// quiet ─────────────────────────────────────────────────▶ firing
///   ▲      fewer than `resolve_below` in `window`, for `resolve_after`   │
///   └────────────────────────────────────────────────────────────────────┘
/// ```
/// A window is divided into sixty parts and moves on by one of them at a time: it reaches back by its whole length,
/// and by up to one part more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Unique in the policy; label `alertname`, and `rule` of `wrongway_alerts_total`.
    pub name: String,
    /// Which exchanges it counts.
    pub matches: Matches,
    /// It fires when at least this many came within the window; at least 1.
    pub threshold: u64,
    /// How far back it counts; at least a second.
    pub window: Duration,
    /// It counts, and fires, separately for each combination of these.
    pub per: Vec<Per>,
    /// How long the threshold must have been reached without a break before it fires; zero: at once.
    pub hold: Duration,
    /// How urgent it is.
    pub severity: Severity,
    /// It resolves when fewer than this many are left in the window: from 1 to the threshold. Below the threshold
    /// it keeps an alert from flapping.
    pub resolve_below: u64,
    /// For how long there must be fewer before it resolves.
    pub resolve_after: Duration,
}

/// Which exchanges a rule counts: those that fit every part that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// One of these verdicts.
    pub verdicts: Vec<Verdict>,
    /// One of these classes.
    pub classes: Vec<Class>,
    /// Seen from this side; `None`: from either, and once where both are seen.
    pub role: Option<Role>,
}

impl Matches {
    /// Whether it counts what was seen from this side. What is seen from both ends counts once, at the server's, unless
    /// the rule is about clients.
    pub(super) fn counts(&self, observation: &Observation<'_>) -> bool {
        match self.role {
            Some(role) => role == observation.role,
            None => observation.role == Role::Server || !observation.both_ends,
        }
    }
}

/// What alerts of one rule are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Per {
    /// Verdict.
    Verdict,
    /// Server name of the ClientHello.
    Sni,
    /// Effective authority.
    Authority,
    /// File name of the server's executable, if it is on this machine.
    Server,
    /// Address of the client, or its executable's file name if it is on this machine.
    Client,
}

impl Per {
    /// Each of them.
    pub const ALL: [Self; 5] = [
        Self::Verdict,
        Self::Sni,
        Self::Authority,
        Self::Server,
        Self::Client,
    ];

    /// The name in the policy, and of the label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Sni => "sni",
            Self::Authority => "authority",
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// To be known.
    Info,
    /// Somebody should look in working hours.
    Warning,
    /// Somebody is woken.
    Critical,
}

impl Severity {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The name in the policy, and the value of the label `severity`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
