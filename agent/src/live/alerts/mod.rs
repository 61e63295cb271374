//! Tells others of alerts: the log, webhooks and Alertmanagers, each from a thread of its own.
//!
//! ```text
//!            ┌─ log ──────────── tracing
//! changes ───┼─ webhook ──────── queue of changes ── POST, again until taken
//!            └─ Alertmanager ─── board of what fires ── POST of all of it, again every minute
//! ```
//! Whoever hands a change over never waits for any of them.

mod alertmanager;
mod board;
mod client;
mod log;
mod mailbox;
#[cfg(test)]
mod receiver;
mod webhook;

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::alert::Change;
use crate::export::metrics::Metrics;
use crate::policy::Sinks;

/// How often an Alertmanager is told again what it was told.
const REPEAT: Duration = Duration::from_mins(1);
/// Stage of the losses counted here.
pub const STAGE: &str = "alerts";
/// A queue was full: its receiver is down, or too slow.
pub const QUEUE_FULL: &str = "queue_full";
/// A receiver will not have it.
pub const REFUSED: &str = "refused";
/// The agent stopped before it could be told.
pub const STOPPED: &str = "stopped";

/// Whom the agent tells of alerts.
#[derive(Debug)]
pub struct Alerts {
    metrics: Metrics,
    /// The run of the agent: numbers of alerts are unique in one.
    run: Arc<str>,
    /// How often an Alertmanager is told again.
    repeat: Duration,
    sinks: Vec<Sink>,
    /// Each thread has a clone; when the last is gone, all have ended.
    ending: Sender<()>,
    ended: Receiver<()>,
}

/// One receiver.
#[derive(Debug)]
struct Sink {
    target: Target,
    mailbox: Mailbox,
}

/// Which receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Log,
    Webhook(String),
    Alertmanager(String),
}

/// Where it takes changes from.
#[derive(Debug)]
enum Mailbox {
    Queue(Arc<mailbox::Mailbox<webhook::Queue>>),
    Board(Arc<mailbox::Mailbox<board::Board>>),
}

impl Alerts {
    /// Starts to tell these receivers. `run` names this run of the agent.
    pub fn start(sinks: &Sinks, run: &str, metrics: Metrics) -> Self {
        Self::start_repeating(sinks, run, metrics, REPEAT)
    }

    /// As [`Self::start`]. Alertmanagers are told again after this time, which must be well below four minutes.
    pub fn start_repeating(sinks: &Sinks, run: &str, metrics: Metrics, repeat: Duration) -> Self {
        metrics.expect_losses(STAGE, [QUEUE_FULL, REFUSED, STOPPED]);
        let (ending, ended) = mpsc::channel();
        let mut alerts = Self {
            metrics,
            run: run.into(),
            repeat,
            sinks: Vec::new(),
            ending,
            ended,
        };
        alerts.set_sinks(sinks, &[]);
        alerts
    }

    /// Tells other receivers from now on. One that stays keeps what it has yet to be told; a new Alertmanager is told
    /// of what fires now.
    pub fn set_sinks(&mut self, sinks: &Sinks, firing: &[Change]) {
        let mut targets = Vec::new();
        targets.extend(sinks.log.then_some(Target::Log));
        targets.extend(sinks.webhooks.iter().cloned().map(Target::Webhook));
        targets.extend(sinks.alertmanagers.iter().cloned().map(Target::Alertmanager));
        let mut before = std::mem::take(&mut self.sinks);
        for target in targets {
            if self.sinks.iter().any(|sink| sink.target == target) {
                continue;
            }
            let sink = match before.iter().position(|sink| sink.target == target) {
                Some(index) => before.swap_remove(index),
                None => self.sink(target, firing),
            };
            self.sinks.push(sink);
        }
        for sink in before {
            sink.mailbox.close();
        }
    }

    /// Tells everybody of a change.
    pub fn tell(&self, change: &Change) {
        let change = Arc::new(change.clone());
        for sink in &self.sinks {
            let kept = match &sink.mailbox {
                Mailbox::Queue(queue) => queue.update(|queue| queue.push(&change)),
                Mailbox::Board(board) => board.update(|board| board.apply(&change)),
            };
            if !kept {
                self.metrics.loss(STAGE, QUEUE_FULL, 1);
                self.metrics.notification(sink.target.kind(), "dropped");
            }
        }
    }

    /// Tells what is left, for as long as this, and ends.
    pub fn finish(self, patience: Duration) {
        for sink in &self.sinks {
            sink.mailbox.close();
        }
        drop(self.ending);
        // Nobody sends: it ends when every thread has.
        if self.ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("a receiver of alerts did not answer; what it was not told is lost");
        }
    }

    fn sink(&self, target: Target, firing: &[Change]) -> Sink {
        let metrics = self.metrics.clone();
        metrics.expect_notifications(target.kind());
        let mailbox = match &target {
            Target::Log => {
                let queue = Arc::new(mailbox::Mailbox::new(webhook::Queue::default()));
                let theirs = Arc::clone(&queue);
                self.spawn("alert-log", move || log::run(&theirs, &metrics));
                Mailbox::Queue(queue)
            }
            Target::Webhook(url) => {
                let queue = Arc::new(mailbox::Mailbox::new(webhook::Queue::default()));
                let theirs = Arc::clone(&queue);
                let (url, run) = (url.clone(), Arc::clone(&self.run));
                self.spawn("alert-webhook", move || {
                    webhook::run(&theirs, &url, &run, &metrics);
                });
                Mailbox::Queue(queue)
            }
            Target::Alertmanager(base) => {
                let mut board = board::Board::new(self.repeat);
                for change in firing {
                    board.apply(change);
                }
                let board = Arc::new(mailbox::Mailbox::new(board));
                let theirs = Arc::clone(&board);
                let base = base.clone();
                self.spawn("alertmanager", move || {
                    alertmanager::run(&theirs, &base, &metrics);
                });
                Mailbox::Board(board)
            }
        };
        Sink { target, mailbox }
    }

    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) {
        let ending = self.ending.clone();
        let started = thread::Builder::new().name(name.to_owned()).spawn(move || {
            run();
            drop(ending);
        });
        if let Err(error) = started {
            tracing::error!(%error, name, "a receiver of alerts is not told: no thread for it");
        }
    }
}

impl Target {
    /// The label in metrics. URLs may hold secrets.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Webhook(_) => "webhook",
            Self::Alertmanager(_) => "alertmanager",
        }
    }
}

impl Mailbox {
    fn close(&self) {
        match self {
            Self::Queue(queue) => queue.close(),
            Self::Board(board) => board.close(),
        }
    }
}
