//! What becomes of policy files.

use super::Metrics;

const ACCEPTED: &str = "accepted";
const REFUSED: &str = "refused";

impl Metrics {
    /// Shows a zero for each result of a reload.
    pub(super) fn expect_policy(&self) {
        for result in [ACCEPTED, REFUSED] {
            self.families().policy_reloads.with_label_values(&[result]);
        }
    }

    /// The policy that is in force from the start, `now` in seconds since the Unix epoch.
    pub fn policy_started(&self, now: i64) {
        self.families().policy_accepted.set(1);
        self.families().policy_accepted_at.set(now);
    }

    /// A policy that was read again is in force, `now` in seconds since the Unix epoch.
    pub fn policy_accepted(&self, now: i64) {
        self.policy_started(now);
        self.families()
            .policy_reloads
            .with_label_values(&[ACCEPTED])
            .inc();
    }

    /// A policy that was read again was refused; the one before stays in force.
    pub fn policy_refused(&self) {
        self.families().policy_accepted.set(0);
        self.families().policy_reloads.with_label_values(&[REFUSED]).inc();
    }
}
