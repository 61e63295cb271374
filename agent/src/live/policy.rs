//! The policy in force, and how it follows its file.
//!
//! ```text
//!           another stamp        the same stamp again: read it
//! judged ──────────────────▶ pending ───────────────────────────▶ judged, accepted or refused
//!   ▲       judged stamp again  │ ▲ another stamp
//!   └───────────────────────────┘ └─┘
//! ```
//! A file that is being written changes its stamp from one look to the next, and is left alone until it is complete.
//! The stamp is of what the path leads to, so a file that was renamed into place, and a link that was turned to another
//! directory, as Kubernetes does with a `ConfigMap`, are changes like any other. SIGHUP has it read at once.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use super::seconds_of_the_wall_clock;
use crate::{
    export::metrics::Metrics,
    policy::{self, Policy, Refusal},
};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Where the policy comes from.
#[derive(Debug)]
pub struct PolicySource {
    policy: Policy,
    file: Option<(PathBuf, Stamp)>,
}

impl PolicySource {
    /// The policy of an agent without a policy file.
    pub fn standard() -> Self {
        Self {
            policy: Policy::standard(),
            file: None,
        }
    }

    /// The policy in `path`, which will be watched.
    ///
    /// # Errors
    /// If it cannot be read, or has mistakes.
    pub fn file(path: &Path) -> Result<Self, Refusal> {
        // Taken first: what changes while the file is read is a change.
        let file = FileStamp::of(path);
        let policy = policy::load(path)?;
        let key = key_file(&policy).and_then(FileStamp::of);
        Ok(Self {
            policy,
            file: Some((path.to_owned(), Stamp { file, key })),
        })
    }

    /// Puts the policy in force, follows its file, and hands on each policy that is accepted. Needs a runtime.
    ///
    /// # Errors
    /// If SIGHUP cannot be waited for.
    pub(super) fn watch(self, metrics: &Metrics) -> anyhow::Result<watch::Receiver<Arc<Policy>>> {
        metrics.policy_started(seconds_of_the_wall_clock());
        let (sender, receiver) = watch::channel(Arc::new(self.policy));
        let Some((path, judged)) = self.file else {
            // Receivers take a sender that is gone for the end.
            tokio::spawn(async move { sender.closed().await });
            return Ok(receiver);
        };
        let hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
        let watch = PolicyWatch {
            path,
            sender,
            metrics: metrics.clone(),
            stamps: Stamps {
                judged,
                pending: None,
            },
        };
        tokio::spawn(watch.run(hangup, LOOK));
        Ok(receiver)
    }
}

/// Follows the file of the policy.
struct PolicyWatch {
    path: PathBuf,
    sender: watch::Sender<Arc<Policy>>,
    metrics: Metrics,
    stamps: Stamps,
}

impl PolicyWatch {
    /// Runs until nobody wants the policy any more.
    async fn run(mut self, mut hangup: Signal, look: Duration) {
        let mut look = interval(look);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.sender.closed() => return,
                _ = look.tick() => {
                    let now = self.stamp().await;
                    if self.stamps.is_settled_change(now) {
                        self.reload().await;
                    }
                }
                received = hangup.recv() => {
                    if received.is_none() {
                        return;
                    }
                    tracing::info!(file = %self.path.display(), "SIGHUP: reading the policy again");
                    self.reload().await;
                }
            }
        }
    }

    /// Reads the file, and puts in force what it says if there is no mistake in it.
    async fn reload(&mut self) {
        self.stamps.judge(self.stamp().await);
        let path = self.path.clone();
        let Ok(loaded) = spawn_blocking(move || policy::load(&path)).await else {
            // The runtime is about to end.
            return;
        };
        match loaded {
            Ok(policy) => self.accept(policy).await,
            Err(refusal) => self.refuse(&refusal),
        }
    }

    async fn accept(&mut self, policy: Policy) {
        tracing::info!(file = %self.path.display(), rules = policy.rules.len(), "the policy is in force");
        self.metrics.policy_accepted(seconds_of_the_wall_clock());
        self.sender.send_replace(Arc::new(policy));
        // It may name another key than the one before.
        let now = self.stamp().await;
        self.stamps.judged.key = now.key;
    }

    fn refuse(&self, refusal: &Refusal) {
        self.metrics.policy_refused();
        let file = self.path.display();
        match refusal {
            Refusal::Unreadable { cause, .. } => {
                tracing::warn!(%file, %cause, "cannot read the policy: the one before stays in force");
            }
            Refusal::Mistaken { mistakes, .. } => {
                let first = &mistakes.first[0];
                tracing::warn!(
                    %file, mistakes = mistakes.count(), first = first.place(),
                    "the policy is refused: the one before stays in force; see \"wrongway policy check\""
                );
                // What a mistake quotes may be a name.
                tracing::debug!(%file, mistake = %first, "the first mistake");
            }
        }
    }

    /// The file as it is now, with the key that the policy in force names.
    async fn stamp(&self) -> Stamp {
        let path = self.path.clone();
        let key = key_file(&self.sender.borrow()).map(Path::to_owned);
        let stamp = move || Stamp {
            file: FileStamp::of(&path),
            key: key.as_deref().and_then(FileStamp::of),
        };
        // A file system that does not answer must not keep the agent's threads.
        spawn_blocking(stamp).await.unwrap_or_default()
    }
}

fn key_file(policy: &Policy) -> Option<&Path> {
    policy.privacy.key.as_ref().map(policy::Key::file)
}

/// Which stamps have been seen.
#[derive(Debug)]
struct Stamps {
    /// Of what was accepted or refused last.
    judged: Stamp,
    /// Of what was there at the last look, if that is something else.
    pending: Option<Stamp>,
}

impl Stamps {
    /// Whether what is there now is something else than what was judged, and has been so since the last look.
    fn is_settled_change(&mut self, now: Stamp) -> bool {
        if now == self.judged {
            self.pending = None;
            return false;
        }
        self.pending.replace(now) == Some(now)
    }

    /// What is there now is about to be accepted or refused.
    fn judge(&mut self, now: Stamp) {
        self.judged = now;
        self.pending = None;
    }
}

/// The policy's file and that of its key, at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    file: Option<FileStamp>,
    key: Option<FileStamp>,
}

/// What of a file changes with its content, or when another takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Seconds and nanoseconds. Tells what was written within one tick of `modified`, and what claims to be older.
    changed: (i64, i64),
}

impl FileStamp {
    /// The stamp of what `path` leads to; `None` if that is nothing.
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
