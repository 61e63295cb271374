//! What one combination of a rule's labels goes through.
//!
//! ```text
//!             count ≥ threshold                for `hold`: Fired
//!      Quiet ───────────────────▶ Pending ─────────────────────────▶ Firing
//!       ▲ ▲                          │                               ▲    │
//!       │ └──────────────────────────┘            count ≥            │    │ count <
//!       │       count < threshold              resolve_below         │    ▼ resolve_below
//!       └─────────────────────────────────────────────────────────  Resolving
//!                    for `resolve_after`: Resolved
//! ```
//! `count` is what the window holds. It rises with what is observed and falls as time passes; both are looked at in
//! the order in which they happen, so the outcome does not depend on how often anybody asks.

use std::time::Duration;

use super::change::Alert;
use super::rule::Rule;

/// Where a combination stands.
#[derive(Clone, Debug, Default)]
pub(super) enum Phase {
    /// Too few to speak of.
    #[default]
    Quiet,
    /// Enough, but not for long enough.
    Pending {
        /// Since when.
        since: u64,
    },
    /// It fires.
    Firing(Box<Alert>),
    /// It fires, with too few for it.
    Resolving {
        /// Since when.
        since: u64,
        /// The alert.
        alert: Box<Alert>,
    },
}

/// What a step of the phase leads to.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing until more is observed or time passes.
    Stay(Phase),
    /// Another look is due.
    Go(Phase),
    /// An alert has to be raised.
    Fire,
    /// The alert is over.
    Resolve(Box<Alert>),
}

impl Phase {
    /// When time alone leads on, if it does.
    pub(super) fn due(&self, rule: &Rule) -> Option<u64> {
        match self {
            Self::Pending { since } => Some(after(*since, rule.hold)),
            Self::Resolving { since, .. } => Some(after(*since, rule.resolve_after)),
            Self::Quiet | Self::Firing(_) => None,
        }
    }

    /// The alert, if it fires.
    pub(super) fn alert(&self) -> Option<&Alert> {
        match self {
            Self::Firing(alert) | Self::Resolving { alert, .. } => Some(alert),
            Self::Quiet | Self::Pending { .. } => None,
        }
    }

    /// The alert, if it fires.
    pub(super) fn alert_mut(&mut self) -> Option<&mut Alert> {
        match self {
            Self::Firing(alert) | Self::Resolving { alert, .. } => Some(alert),
            Self::Quiet | Self::Pending { .. } => None,
        }
    }

    /// One step along an arrow, with this count at this time.
    pub(super) fn step(self, rule: &Rule, count: u64, now: u64) -> Step {
        let due = self.due(rule).is_some_and(|due| due <= now);
        let threshold = rule.threshold.max(1);
        let enough = count >= threshold;
        // More than the threshold would make an alert end while it has cause to fire.
        let lasting = count >= rule.resolve_below.clamp(1, threshold);
        match self {
            Self::Quiet if enough => Step::Go(Self::Pending { since: now }),
            Self::Pending { .. } if !enough => Step::Stay(Self::Quiet),
            Self::Pending { .. } if due => Step::Fire,
            Self::Firing(alert) if !lasting => Step::Go(Self::Resolving { since: now, alert }),
            Self::Resolving { alert, .. } if lasting => Step::Stay(Self::Firing(alert)),
            Self::Resolving { alert, .. } if due => Step::Resolve(alert),
            stay => Step::Stay(stay),
        }
    }
}

fn after(since: u64, duration: Duration) -> u64 {
    let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    since.saturating_add(nanoseconds)
}
