//! A change of an alert as JSON tells it: in the journal, to webhooks, and to whoever inspects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::change::{Alert, Change};
use crate::export::timestamp;

/// An alert in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// `firing` or `resolved`.
    pub state: String,
    /// Unique in one run of the agent, increasing.
    pub id: u64,
    /// Name of its rule.
    pub rule: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// What it is told apart by.
    pub labels: BTreeMap<String, String>,
    /// When it fired: RFC 3339, UTC.
    pub started_at: String,
    /// When it resolved: RFC 3339, UTC; `null` while it fires.
    pub ended_at: Option<String>,
    /// Exchanges that it counted.
    pub count: u64,
    /// Number of the first of them.
    pub first_exchange: u64,
    /// Number of the latest.
    pub last_exchange: u64,
    /// One sentence.
    pub summary: String,
    /// Diagnosis and remedy of an exchange that it counted.
    pub description: String,
}

impl From<&Alert> for Notice {
    fn from(alert: &Alert) -> Self {
        Self {
            state: Change::STATES[usize::from(alert.ended_at.is_some())].to_owned(),
            id: alert.id,
            rule: alert.rule.clone(),
            severity: alert.severity.as_str().to_owned(),
            labels: alert.labels.clone(),
            started_at: timestamp::from_nanoseconds(alert.started_at),
            ended_at: alert.ended_at.map(timestamp::from_nanoseconds),
            count: alert.count,
            first_exchange: alert.first,
            last_exchange: alert.last,
            summary: alert.summary.clone(),
            description: alert.description.clone(),
        }
    }
}
