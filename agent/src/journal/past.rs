//! What earlier runs of the agent found.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::entry::{Content, Entry};
use super::files;
use super::read::Reader;
use crate::export::view::Exchange;
use crate::outcome::Outcome;

/// What the journal remembers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// The newest findings, oldest first, each with what its client did as far as that was learned.
    pub findings: Vec<Found>,
    /// The highest number of an exchange that is mentioned.
    pub highest_exchange_id: u64,
    /// The highest number of a connection that is mentioned.
    pub highest_connection_id: u64,
    /// Lines that are torn or no entries, in the files that were read.
    pub unreadable: u64,
}

/// A finding of an earlier run.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The run.
    pub run: String,
    /// It.
    pub exchange: Exchange,
}

/// Misdirected.
const MISDIRECTED: u16 = 421;
/// Outcomes that are remembered on the way to their findings.
const OUTCOMES: usize = 100_000;

/// What a client did, and in which exchange it asked again; by run and number of the exchange.
type Outcomes = HashMap<(String, u64), (String, Option<u64>)>;

impl Past {
    /// Reads the newest findings, at most `limit` of them, and none from before `since`: nanoseconds since the Unix
    /// epoch. Of the files it reads no more than that takes.
    ///
    /// # Errors
    /// If the directory cannot be read. Whatever is wrong with a file or a line is counted and skipped.
    pub fn read(directory: &Path, since: Option<u64>, limit: usize) -> io::Result<Self> {
        let since_time = since.and_then(|since| UNIX_EPOCH.checked_add(Duration::from_nanos(since)));
        let mut past = Self::default();
        let mut outcomes = Outcomes::new();
        // Backwards: the newest are wanted, and an outcome is never older than its finding.
        let mut newest_first: Vec<VecDeque<Found>> = Vec::new();
        let mut room = limit;
        for file in files::list(directory)?.into_iter().rev() {
            if room == 0 || is_before(file.written, since_time) {
                break;
            }
            let mut reader = Reader::of([file.path].into(), since);
            let mut findings = past.take(&mut reader, room, &mut outcomes);
            past.unreadable += reader.unreadable();
            for found in &mut findings {
                let key = (found.run.clone(), found.exchange.id);
                if let Some((outcome, retried_as)) = outcomes.remove(&key) {
                    found.exchange.outcome = Some(outcome);
                    found.exchange.retried_as = retried_as;
                } else if found.exchange.status == Some(MISDIRECTED) {
                    // The run ended before it could tell.
                    found.exchange.outcome = Some(Outcome::NotObservable.as_str().to_owned());
                }
            }
            room -= findings.len();
            newest_first.push(findings);
        }
        past.findings = newest_first.into_iter().rev().flatten().collect();
        Ok(past)
    }

    /// The newest findings of one file, at most `room`.
    fn take(&mut self, reader: &mut Reader, room: usize, outcomes: &mut Outcomes) -> VecDeque<Found> {
        let mut findings = VecDeque::new();
        let mut own = Outcomes::new();
        for Entry { content, run, .. } in reader {
            match content {
                Content::Finding { exchange } => {
                    self.seen(exchange.id, exchange.connection.id);
                    if findings.len() == room {
                        findings.pop_front();
                    }
                    findings.push_back(Found {
                        run,
                        exchange: *exchange,
                    });
                }
                Content::Outcome {
                    id,
                    outcome,
                    retried_as,
                } => {
                    self.seen(id.max(retried_as.unwrap_or(0)), 0);
                    if own.len() < OUTCOMES {
                        own.insert((run, id), (outcome, retried_as));
                    }
                }
                Content::Stop {
                    exchange_id,
                    connection_id,
                } => self.seen(exchange_id, connection_id),
                Content::Start { .. } | Content::Alert { .. } | Content::Unknown => {}
            }
        }
        // What a newer file says prevails.
        let room = OUTCOMES.saturating_sub(outcomes.len());
        for (key, outcome) in own.into_iter().take(room) {
            outcomes.entry(key).or_insert(outcome);
        }
        findings
    }

    fn seen(&mut self, exchange: u64, connection: u64) {
        self.highest_exchange_id = self.highest_exchange_id.max(exchange);
        self.highest_connection_id = self.highest_connection_id.max(connection);
    }
}

/// Whether everything in a file that was last written then is too old.
fn is_before(written: SystemTime, since: Option<SystemTime>) -> bool {
    since.is_some_and(|since| written < since)
}
