//! What came of a load.

use std::fmt;
use std::time::Duration;

use super::load::Made;
use crate::rig::ledger::{Ledger, Row};
use crate::rig::metrics::Sample;

/// Complaints of clients kept; the counts go on.
const MAX_COMPLAINTS: usize = 10;

/// What was made of a server, and what the agent saw of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The server's program.
    pub program: &'static str,
    /// How long it took.
    pub duration: Duration,
    /// Requests made.
    pub requests: usize,
    /// Requests without an answer, or with another than the one that ought to come.
    pub failed: usize,
    /// Why, of the first few.
    pub complaints: Vec<String>,
    /// How what the agent saw compares with what the clients know.
    pub ledger: Ledger,
    /// What the agent saw and did not keep.
    pub losses: Vec<Sample>,
    /// Whether the server's processes are those of the beginning.
    pub server_lives: bool,
}

impl Outcome {
    /// Nothing has happened yet.
    pub(super) fn new(program: &'static str) -> Self {
        Self {
            program,
            duration: Duration::ZERO,
            requests: 0,
            failed: 0,
            complaints: Vec::new(),
            ledger: Ledger::default(),
            losses: Vec::new(),
            server_lives: true,
        }
    }

    /// Adds what clients made.
    pub(super) fn add(&mut self, made: Made) {
        self.requests += made.requests;
        self.failed += made.failed;
        self.complaints.extend(made.complaints);
        self.complaints.truncate(MAX_COMPLAINTS);
    }

    /// Whether every request was answered, and seen at both ends with nothing wrong or unknown that must not be,
    /// and the server lives.
    pub fn is_sound(&self) -> bool {
        self.requests > 0
            && self.failed == 0
            && self.server_lives
            && self.losses.is_empty()
            && self.ledger.faults().is_empty()
    }

    /// In one line.
    pub fn summary(&self) -> String {
        let at_server = self.seen(|side| side == "server");
        let at_clients = self.seen(|side| side == "client");
        let wrong: usize = self
            .rows()
            .flat_map(|row| row.facts.values())
            .map(|fact| fact.wrong)
            .sum();
        let surplus: usize = self.rows().map(|row| row.surplus).sum();
        format!(
            "{}: {} requests in {:.0} s, {} failed; \
             seen: {at_server} of the server's ends, {at_clients} of the clients'; \
             {wrong} facts wrong, {surplus} exchanges too many; the server {}",
            self.program,
            self.requests,
            self.duration.as_secs_f64(),
            self.failed,
            if self.server_lives { "lives" } else { "has died" },
        )
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.ledger.rows.values()
    }

    /// Exchanges seen, and how many ought to be, on one side.
    fn seen(&self, is: impl Fn(&str) -> bool) -> String {
        let rows = self.ledger.rows.iter().filter(|((_, side), _)| is(side));
        let (expected, missing) = rows.fold((0, 0), |(expected, missing), (_, row)| {
            (expected + row.expected, missing + row.missing)
        });
        format!("{} of {expected}", expected - missing)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; lost: ", self.summary())?;
        match self.losses.as_slice() {
            [] => write!(formatter, "nothing")?,
            losses => write!(formatter, "{losses:?}")?,
        }
        let faults = self.ledger.faults();
        for line in faults
            .iter()
            .chain(&self.ledger.complaints)
            .chain(&self.complaints)
        {
            write!(formatter, "\n    {line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Outcome {
        let mut outcome = Outcome::new("envoy");
        outcome.requests = 2;
        let row = Row {
            expected: 2,
            ..Row::default()
        };
        outcome.ledger.rows.insert(("envoy".to_owned(), "server"), row);
        outcome
    }

    #[test]
    fn anything_that_is_not_as_it_ought_to_be_is_unsound() {
        assert!(sound().is_sound());
        let spoils: [fn(&mut Outcome); 5] = [
            |outcome| outcome.requests = 0,
            |outcome| outcome.failed = 1,
            |outcome| outcome.server_lives = false,
            |outcome| {
                outcome.losses.push(Sample {
                    name: String::new(),
                    labels: String::new(),
                    value: 1.0,
                });
            },
            |outcome| outcome.ledger.rows.values_mut().for_each(|row| row.missing = 1),
        ];
        for (number, spoil) in spoils.iter().enumerate() {
            let mut outcome = sound();
            spoil(&mut outcome);
            assert!(!outcome.is_sound(), "{number}");
        }
    }

    #[test]
    fn what_was_not_seen_is_counted() {
        let mut outcome = sound();
        outcome.ledger.rows.values_mut().for_each(|row| row.missing = 1);
        let summary = outcome.summary();
        assert!(
            summary.contains("1 of 2 of the server's ends, 0 of 0 of the clients'"),
            "{summary}"
        );
    }
}
