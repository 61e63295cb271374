//! An alert, and that it began or ended.

use std::collections::BTreeMap;

use super::rule::Severity;

/// A rule that fires, for one combination of its labels. Times are nanoseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Unique in this run of the agent, increasing.
    pub id: u64,
    /// Name of its rule.
    pub rule: String,
    /// How urgent it is.
    pub severity: Severity,
    /// What it is told apart by: the labels of all alerts, and those that its rule tells apart. A name that is not
    /// known reads `unknown`; beyond the bound on combinations all of them read `other`.
    pub labels: BTreeMap<String, String>,
    /// When it fired.
    pub started_at: u64,
    /// When it resolved; `None`: it fires.
    pub ended_at: Option<u64>,
    /// Exchanges that it counted: those in the window when it fired, and all that came since.
    pub count: u64,
    /// Number of the first of them.
    pub first: u64,
    /// Number of the latest.
    pub last: u64,
    /// One sentence.
    pub summary: String,
    /// Diagnosis and remedy of an exchange that it counted, at most a second older than the latest.
    pub description: String,
}

/// An alert began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It fires from now on.
    Fired(Alert),
    /// It fires no more.
    Resolved(Alert),
}

impl Change {
    /// Each state's name in JSON.
    pub const STATES: [&'static str; 2] = ["firing", "resolved"];

    /// The alert as it is after the change.
    pub const fn alert(&self) -> &Alert {
        match self {
            Self::Fired(alert) | Self::Resolved(alert) => alert,
        }
    }

    /// The state after the change: `firing` or `resolved`.
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Fired(_) => Self::STATES[0],
            Self::Resolved(_) => Self::STATES[1],
        }
    }

    /// When it happened, nanoseconds since the Unix epoch.
    pub fn time(&self) -> u64 {
        match self {
            Self::Fired(alert) => alert.started_at,
            Self::Resolved(alert) => alert.ended_at.unwrap_or(alert.started_at),
        }
    }
}
