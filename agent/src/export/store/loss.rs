//! What the store gave up, counted.

use prometheus::IntCounter;

use crate::export::metrics::Metrics;

/// The loss stage of this part of the agent.
pub const STAGE: &str = "store";

/// Why the store gives something up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// A newer exchange took its place.
    Exchange,
    /// A newer finding took its place.
    Finding,
    /// A newer connection took the place of one that had closed.
    ClosedConnection,
    /// A newer connection took the place of one that was open.
    OpenConnection,
    /// The summary had no room for a line of its own.
    SummaryFull,
    /// A newer alert that is over took its place.
    Alert,
}

impl Loss {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Exchange,
        Self::Finding,
        Self::ClosedConnection,
        Self::OpenConnection,
        Self::SummaryFull,
        Self::Alert,
    ];

    /// The metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exchange => "exchange_evicted",
            Self::Finding => "finding_evicted",
            Self::ClosedConnection => "closed_connection_evicted",
            Self::OpenConnection => "open_connection_evicted",
            Self::SummaryFull => "summary_full",
            Self::Alert => "alert_evicted",
        }
    }
}

/// Their counters, at hand: once the store is full, each exchange takes the place of another.
#[derive(Clone, Debug)]
pub(super) struct Losses([IntCounter; Loss::ALL.len()]);

impl Losses {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self(Loss::ALL.map(|loss| metrics.loss_counter(STAGE, loss.as_str())))
    }

    pub(super) fn count(&self, loss: Loss) {
        self.0[loss as usize].inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        for (index, loss) in Loss::ALL.into_iter().enumerate() {
            assert_eq!(loss as usize, index, "{}", loss.as_str());
        }
    }
}
