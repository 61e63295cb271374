//! An Alertmanager, told with version 2 of its API.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::export::metrics::Metrics;
use crate::live::backoff::Backoff;

use super::board::Board;
use super::client::{Client, shown};
use super::mailbox::Mailbox;
use super::{STAGE, STOPPED};

const PATH: &str = "/api/v2/alerts";
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(1);
const SINK: &str = "alertmanager";

/// Tells what is on the board, until it is closed.
pub(super) fn run(board: &Mailbox<Board>, base: &str, metrics: &Metrics) {
    let client = Client::new(format!("{}{PATH}", base.trim_end_matches('/')));
    let alertmanager = shown(base);
    let mut backoff = Backoff::new(SHORTEST_WAIT, LONGEST_WAIT);
    let mut hold = None;
    let mut failures = 0_u64;
    while let Some((body, receipt)) = board.next(|board| board.work(Instant::now(), hold, clock())) {
        match client.post(&body, None) {
            Ok(()) => {
                board.update(|board| board.told(receipt, Instant::now()));
                metrics.notification(SINK, "sent");
                if failures > 0 {
                    tracing::info!(alertmanager, failures, "an Alertmanager takes alerts again");
                }
                (failures, hold) = (0, None);
                backoff.reset();
            }
            Err(failure) => {
                metrics.notification(SINK, "failed");
                if failures == 0 {
                    tracing::warn!(alertmanager, %failure, "an Alertmanager takes no alerts; trying again");
                }
                failures += 1;
                hold = Some(Instant::now() + backoff.wait());
            }
        }
    }
    let untold = board.update(|board| board.untold());
    if untold > 0 {
        metrics.loss(STAGE, STOPPED, untold as u64);
        metrics.notification(SINK, "dropped");
    }
}

/// Nanoseconds since the Unix epoch.
fn clock() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}
