//! A webhook: one POST for each change, in order, again until it is taken.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::alert::{Change, Notice};
use crate::export::metrics::Metrics;
use crate::live::backoff::Backoff;

use super::client::{Client, Failure, shown};
use super::mailbox::{Mailbox, Work};
use super::{REFUSED, STAGE, STOPPED};

/// Changes that may wait.
const CAPACITY: usize = 1000;
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(1);
const SINK: &str = "webhook";

/// Changes that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct Queue(VecDeque<Arc<Change>>);

impl Queue {
    /// Adds a change; false if there is no room for it.
    pub(super) fn push(&mut self, change: &Arc<Change>) -> bool {
        let fits = self.0.len() < CAPACITY;
        if fits {
            self.0.push_back(Arc::clone(change));
        }
        fits
    }

    /// Takes the oldest.
    pub(super) fn take(&mut self) -> Work<Arc<Change>> {
        self.0.pop_front().map_or(Work::None, Work::Now)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// What is posted.
#[derive(Debug, Serialize)]
struct Message<'a> {
    #[serde(flatten)]
    notice: Notice,
    /// The run of the agent: with `id` and `state` it names the change.
    run: &'a str,
}

/// Posts each change, until the queue is closed and empty, or cannot be emptied.
pub(super) fn run(queue: &Mailbox<Queue>, url: &str, run: &str, metrics: &Metrics) {
    let webhook = Webhook {
        client: Client::new(url.to_owned()),
        name: shown(url),
        run,
        metrics,
    };
    while let Some(change) = queue.next(Queue::take) {
        if !webhook.deliver(&change, queue) {
            let left = queue.update(|queue| std::mem::take(queue).len()) as u64 + 1;
            metrics.loss(STAGE, STOPPED, left);
            for _ in 0..left {
                metrics.notification(SINK, "dropped");
            }
            return;
        }
    }
}

struct Webhook<'a> {
    client: Client,
    name: String,
    run: &'a str,
    metrics: &'a Metrics,
}

impl Webhook<'_> {
    /// Tries until the change is taken or refused for good; false if the agent stops meanwhile.
    fn deliver(&self, change: &Change, queue: &Mailbox<Queue>) -> bool {
        let alert = change.alert();
        let message = Message {
            notice: Notice::from(alert),
            run: self.run,
        };
        let body = serde_json::to_vec(&message).expect("a notice is plain data");
        let key = format!("{}-{}-{}", self.run, alert.id, change.state());
        let webhook = &self.name;
        let mut backoff = Backoff::new(SHORTEST_WAIT, LONGEST_WAIT);
        let mut failures = 0_u64;
        loop {
            match self.client.post(&body, Some(&key)) {
                Ok(()) => {
                    self.metrics.notification(SINK, "sent");
                    if failures > 0 {
                        tracing::info!(webhook, failures, "a webhook takes alerts again");
                    }
                    return true;
                }
                Err(failure) => {
                    self.metrics.notification(SINK, "failed");
                    failures += 1;
                    if failure.is_lasting() {
                        self.refused(&failure);
                        return true;
                    }
                    if failures == 1 {
                        tracing::warn!(webhook, %failure, "a webhook takes no alerts; trying again");
                    }
                }
            }
            if queue.sleep(backoff.wait()) {
                return false;
            }
        }
    }

    fn refused(&self, failure: &Failure) {
        self.metrics.loss(STAGE, REFUSED, 1);
        self.metrics.notification(SINK, "dropped");
        let webhook = &self.name;
        tracing::warn!(webhook, %failure, "a webhook refused an alert; check its URL in the policy");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use serde_json::Value;

    use super::super::receiver::Receiver;
    use super::super::{Alerts, QUEUE_FULL};
    use super::*;
    use crate::alert::{Alert, Severity};
    use crate::policy::Sinks;

    fn fired(id: u64) -> Change {
        Change::Fired(Alert {
            id,
            rule: "wrong-421".to_owned(),
            severity: Severity::Warning,
            labels: BTreeMap::from([("server".to_owned(), "nginx".to_owned())]),
            started_at: 1_709_210_096_000_000_000,
            ended_at: None,
            count: 5,
            first: 7,
            last: 12,
            summary: "5 exchanges.".to_owned(),
            description: "Why. Remedy: how.".to_owned(),
        })
    }

    fn alerts(receiver: &Receiver) -> (Alerts, Metrics) {
        let metrics = Metrics::new();
        let sinks = Sinks {
            log: false,
            webhooks: vec![receiver.url("/hook?token=secret")],
            ..Sinks::default()
        };
        (Alerts::start(&sinks, "00ff", metrics.clone()), metrics)
    }

    fn ids(bodies: &[Value]) -> Vec<u64> {
        bodies.iter().filter_map(|body| body["id"].as_u64()).collect()
    }

    #[test]
    fn a_receiver_that_fails_at_first_is_told_everything_once_and_in_order() {
        let receiver = Receiver::start(&[503, 500]);
        let (alerts, metrics) = alerts(&receiver);
        for id in 1..=3 {
            alerts.tell(&fired(id));
        }
        let bodies = receiver.wait_for(5);
        assert_eq!(ids(&bodies), [1, 1, 1, 2, 3]);
        assert_eq!(bodies[0], bodies[2], "the same each time");
        assert_eq!(bodies[0]["run"], "00ff");
        assert_eq!(bodies[0]["state"], "firing");
        assert_eq!(bodies[0]["started_at"], "2024-02-29T12:34:56.000000Z");
        assert_eq!(bodies[0]["ended_at"], Value::Null);
        let keys: Vec<String> = receiver.headers("idempotency-key");
        assert_eq!(keys[0], "00ff-1-firing");
        assert_eq!(keys[0], keys[1]);
        alerts.finish(Duration::from_secs(10));
        let rendered = metrics.render();
        for line in [
            "wrongway_notifications_total{result=\"sent\",sink=\"webhook\"} 3\n",
            "wrongway_notifications_total{result=\"failed\",sink=\"webhook\"} 2\n",
            "wrongway_notifications_total{result=\"dropped\",sink=\"webhook\"} 0\n",
        ] {
            assert!(rendered.contains(line), "{rendered}");
        }
    }

    #[test]
    fn what_is_refused_for_good_does_not_hold_up_the_rest() {
        let receiver = Receiver::start(&[404, 302]);
        let (alerts, metrics) = alerts(&receiver);
        for id in 1..=3 {
            alerts.tell(&fired(id));
        }
        alerts.finish(Duration::from_secs(10));
        assert_eq!(
            ids(&receiver.wait_for(3)),
            [1, 2, 3],
            "and no redirect is followed"
        );
        assert_eq!(
            metrics.losses(),
            [(STAGE.to_owned(), REFUSED.to_owned(), 2)],
            "each is counted"
        );
    }

    #[test]
    fn a_receiver_that_is_down_costs_a_bounded_queue_and_no_time() {
        let receiver = Receiver::start(&[]);
        let (alerts, metrics) = alerts(&receiver);
        receiver.stop();
        for id in 1..=CAPACITY as u64 + 10 {
            alerts.tell(&fired(id));
        }
        alerts.finish(Duration::from_secs(10));
        let losses = metrics.losses();
        let of = |reason: &str| {
            losses
                .iter()
                .find(|loss| loss.1 == reason)
                .map_or(0, |loss| loss.2)
        };
        assert!(
            (9..=10).contains(&of(QUEUE_FULL)),
            "{losses:?}: one may be in hand"
        );
        assert_eq!(of(QUEUE_FULL) + of(STOPPED), CAPACITY as u64 + 10, "{losses:?}");
    }
}
