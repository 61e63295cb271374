//! The log as a receiver of alerts.

use crate::alert::{Change, Severity};
use crate::export::metrics::Metrics;

use super::mailbox::Mailbox;
use super::webhook::Queue;

/// Logs each change, until the queue is closed and empty.
pub(super) fn run(queue: &Mailbox<Queue>, metrics: &Metrics) {
    while let Some(change) = queue.next(Queue::take) {
        write(&change);
        metrics.notification("log", "sent");
    }
}

/// What fires, and somebody should look at, is a warning; anything else is news. The names in it are those that the
/// rule tells apart.
fn write(change: &Change) {
    let alert = change.alert();
    let labels = alert.labels.iter();
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    let labels = labels.join(" ");
    let (id, count, rule) = (alert.id, alert.count, &alert.rule);
    let severity = alert.severity.as_str();
    match change {
        Change::Fired(_) if alert.severity > Severity::Info => {
            tracing::warn!(id, rule, severity, count, %labels, "alert: {}", alert.summary);
        }
        Change::Fired(_) | Change::Resolved(_) => {
            tracing::info!(id, rule, severity, count, %labels, "alert: {}", alert.summary);
        }
    }
}
