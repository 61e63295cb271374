//! Writes the journal from a thread of its own: whoever has something to note never waits for the disk.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use super::backoff::Backoff;
use crate::alert::Notice;
use crate::export::metrics::Metrics;
use crate::export::privacy::Named as _;
use crate::export::{present, timestamp};
use crate::journal::{Batch, Content, Entry, Journal, is_full};
use crate::observer::Judged;
use crate::policy::Policy;

/// Stage of the losses counted here.
const STAGE: &str = "journal";
/// There is no room on the disk.
const FULL: &str = "full";
/// The file system refuses.
const IO: &str = "io";
/// The disk is too slow.
const BUSY: &str = "busy";
/// No line may be so long.
const TOO_LONG: &str = "too_long";

/// Entries that may wait for the disk.
const CAPACITY: usize = 4096;
/// Bytes that are written at once.
const AT_ONCE: usize = 256 * 1024;
/// How often old files are looked at.
const UPKEEP: Duration = Duration::from_mins(1);
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Something to note.
#[derive(Debug)]
pub(super) enum Note {
    /// An exchange that deserves attention, and what of it may be told.
    Finding(Box<Judged>, Arc<Policy>),
    /// What its client did.
    Outcome {
        id: u64,
        outcome: &'static str,
        retried_as: Option<u64>,
    },
    /// A change of an alert.
    Alert(Box<Notice>),
    /// Nothing more will come: the highest numbers of an exchange and a connection.
    Stop { exchange_id: u64, connection_id: u64 },
}

/// The way to the journal.
#[derive(Debug)]
pub(super) struct Notes {
    sender: SyncSender<Note>,
    ended: Receiver<()>,
    metrics: Metrics,
}

impl Notes {
    /// Starts to write. `run` names this run of the agent.
    ///
    /// # Errors
    /// If there is no thread for it.
    pub(super) fn start(journal: Journal, run: String, metrics: Metrics) -> std::io::Result<Self> {
        metrics.expect_losses(STAGE, [FULL, IO, BUSY, TOO_LONG]);
        let (sender, notes) = sync_channel(CAPACITY);
        let (ending, ended) = sync_channel(1);
        let mut scribe = Scribe {
            journal,
            run,
            batch: Batch::new(),
            failure: None,
            metrics: metrics.clone(),
        };
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                scribe.run(&notes);
                scribe.close();
                // Whoever stopped waiting has lost interest.
                let _ = ending.try_send(());
            })?;
        Ok(Self {
            sender,
            ended,
            metrics,
        })
    }

    /// Notes something, or counts it as lost.
    pub(super) fn note(&self, note: Note) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.sender.try_send(note) {
            self.metrics.loss(STAGE, BUSY, 1);
        }
    }

    /// Writes what is left, for as long as this.
    pub(super) fn finish(self, stop: Note, patience: Duration) {
        self.note(stop);
        drop(self.sender);
        if let Err(RecvTimeoutError::Timeout) = self.ended.recv_timeout(patience) {
            tracing::warn!("the journal's disk did not answer; its last lines may be lost");
        }
    }
}

/// The thread's own.
struct Scribe {
    journal: Journal,
    run: String,
    batch: Batch,
    failure: Option<Failure>,
    metrics: Metrics,
}

/// A time in which nothing can be written.
struct Failure {
    reason: &'static str,
    lost: u64,
    again: Instant,
    backoff: Backoff,
}

impl Scribe {
    fn run(&mut self, notes: &Receiver<Note>) {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.push(Content::Start { version });
        self.write();
        let mut upkeep = Instant::now();
        loop {
            match notes.recv_timeout(UPKEEP) {
                Ok(note) => {
                    self.note(note);
                    while self.batch.size() < AT_ONCE
                        && let Ok(note) = notes.try_recv()
                    {
                        self.note(note);
                    }
                    self.write();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if upkeep.elapsed() >= UPKEEP {
                upkeep = Instant::now();
                if let Err(error) = self.journal.maintain(SystemTime::now()) {
                    let directory = self.journal.directory().display();
                    tracing::warn!(%directory, %error, "old files of the journal cannot be deleted");
                }
            }
        }
    }

    fn note(&mut self, note: Note) {
        if let Some(content) = content(note) {
            self.push(content);
        }
    }

    fn push(&mut self, content: Content) {
        let entry = Entry {
            content,
            run: self.run.clone(),
            time: timestamp::rfc3339(SystemTime::now()),
        };
        if !self.batch.push(&entry) {
            self.metrics.loss(STAGE, TOO_LONG, 1);
        }
    }

    /// Writes what was gathered, unless it is known to be in vain.
    fn write(&mut self) {
        let lines = self.batch.len();
        let (written, error) = match &self.failure {
            Some(failure) if Instant::now() < failure.again => (0, None),
            _ => {
                let appended = self.journal.append(&self.batch, SystemTime::now());
                (appended.written, appended.error)
            }
        };
        self.batch.clear();
        match error {
            Some(error) => self.failed(&error),
            None if written == lines => self.worked(),
            None => {}
        }
        let lost = (lines - written) as u64;
        if let Some(failure) = &mut self.failure
            && lost > 0
        {
            failure.lost += lost;
            self.metrics.loss(STAGE, failure.reason, lost);
        }
    }

    fn failed(&mut self, error: &std::io::Error) {
        let reason = if is_full(error) { FULL } else { IO };
        let failure = self.failure.get_or_insert_with(|| {
            let directory = self.journal.directory().display();
            tracing::warn!(
                %directory, %error,
                "the journal cannot be written; observing goes on, findings are not kept until it can"
            );
            Failure {
                reason,
                lost: 0,
                again: Instant::now(),
                backoff: Backoff::new(SHORTEST_WAIT, LONGEST_WAIT),
            }
        });
        failure.reason = reason;
        failure.again = Instant::now() + failure.backoff.wait();
    }

    fn worked(&mut self) {
        if let Some(Failure { lost, .. }) = self.failure.take() {
            let directory = self.journal.directory().display();
            tracing::info!(%directory, lost, "the journal can be written again");
        }
    }

    fn close(self) {
        let directory = self.journal.directory().to_owned();
        if let Err(error) = self.journal.close() {
            let directory = directory.display();
            tracing::warn!(%directory, %error, "the journal's last lines may not be on the disk");
        }
    }
}

/// What is written of it; `None` if it must not be.
fn content(note: Note) -> Option<Content> {
    Some(match note {
        Note::Finding(judged, policy) => Content::Finding {
            exchange: Box::new(present::judged(&judged).masked(&policy)?),
        },
        Note::Outcome {
            id,
            outcome,
            retried_as,
        } => Content::Outcome {
            id,
            outcome: outcome.to_owned(),
            retried_as,
        },
        Note::Alert(alert) => Content::Alert { alert },
        Note::Stop {
            exchange_id,
            connection_id,
        } => Content::Stop {
            exchange_id,
            connection_id,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing::exchange;
    use crate::journal::{Past, Settings, read};
    use crate::verdict::Verdict;

    #[test]
    fn what_is_noted_is_on_the_disk_when_the_agent_has_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let metrics = Metrics::new();
        let journal = Journal::open(directory.path(), Settings::default()).unwrap();
        let notes = Notes::start(journal, "00ff".to_owned(), metrics.clone()).unwrap();
        for id in 1..=100 {
            notes.note(Note::Finding(
                Box::new(exchange(id, Verdict::Split421)),
                Arc::default(),
            ));
        }
        notes.note(Note::Outcome {
            id: 7,
            outcome: "cured",
            retried_as: Some(8),
        });
        let stop = Note::Stop {
            exchange_id: 120,
            connection_id: 3,
        };
        notes.finish(stop, Duration::from_secs(30));
        let past = Past::read(directory.path(), None, 1000).unwrap();
        assert_eq!(past.findings.len(), 100);
        assert_eq!(past.findings[6].exchange.outcome.as_deref(), Some("cured"));
        assert_eq!(past.highest_exchange_id, 120);
        let entries: Vec<Entry> = read(directory.path(), None).unwrap().collect();
        assert!(matches!(entries[0].content, Content::Start { .. }), "{entries:?}");
        assert_eq!(metrics.losses(), []);
    }

    #[test]
    fn a_journal_that_cannot_be_written_is_counted_and_holds_up_nobody() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("journal");
        let metrics = Metrics::new();
        let settings = Settings {
            max_file_bytes: 1,
            ..Settings::default()
        };
        let journal = Journal::open(&directory, settings).unwrap();
        // Another file is due with each line, and has no place.
        std::fs::remove_dir_all(&directory).unwrap();
        let notes = Notes::start(journal, "00ff".to_owned(), metrics.clone()).unwrap();
        for id in 1..=10 {
            notes.note(Note::Finding(
                Box::new(exchange(id, Verdict::Split421)),
                Arc::default(),
            ));
        }
        let stop = Note::Stop {
            exchange_id: 10,
            connection_id: 1,
        };
        notes.finish(stop, Duration::from_secs(30));
        // The start, the findings, and the stop.
        assert_eq!(metrics.losses(), [(STAGE.to_owned(), IO.to_owned(), 12)]);
    }

    #[test]
    fn a_journal_that_can_be_written_again_is() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("journal");
        let metrics = Metrics::new();
        let journal = Journal::open(&directory, Settings::default()).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        let notes = Notes::start(journal, "00ff".to_owned(), metrics.clone()).unwrap();
        wait_until(|| metrics.losses().len() == 1);
        std::fs::create_dir(&directory).unwrap();
        let mut count = 0;
        wait_until(|| {
            count += 1;
            notes.note(Note::Finding(
                Box::new(exchange(count, Verdict::Split421)),
                Arc::default(),
            ));
            Past::read(&directory, None, 1).is_ok_and(|past| !past.findings.is_empty())
        });
        let stop = Note::Stop {
            exchange_id: count,
            connection_id: 1,
        };
        notes.finish(stop, Duration::from_secs(30));
        let kept = read(&directory, None).unwrap().count() as u64;
        let lost: u64 = metrics.losses().iter().map(|loss| loss.2).sum();
        assert_eq!(kept + lost, count + 2, "each line is kept or counted");
    }

    fn wait_until(mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !holds() {
            assert!(Instant::now() < deadline, "it does not come to pass");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
