//! The search for functions that no symbol names: within bounds of time, since it reads all of a program.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cache::Content;
use crate::code::Program;
use crate::target::proof::Code;
use crate::target::stripped::{self, Cache, Fingerprint, Refusal, Remembered, Role};

/// Time that the searches of one scan may take, but for the first, which readiness waits for. Who keeps on starting
/// large programs that were never seen cannot keep the agent busy.
const BUDGET: Duration = Duration::from_millis(500);
/// Loaded bytes of a program that is searched. The largest browsers have 300 MB.
const SIZE_LIMIT: u64 = 512 << 20;

/// When the next search may begin.
#[derive(Clone, Copy, Debug, Default)]
enum Allowance {
    /// Whenever.
    Unlimited,
    /// Before this time.
    Until(Instant),
    /// Not now.
    #[default]
    Nothing,
}

/// Searches programs.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// Where results are kept, if they are.
    pub(super) cache: Option<Cache>,
    allowance: Allowance,
    /// Time that the searches of this scan took.
    spent: Duration,
    /// Whether there was a scan before.
    begun: bool,
}

impl Search {
    /// A scan of all processes begins.
    pub(super) fn next_round(&mut self) {
        self.allowance = if self.begun {
            Allowance::Until(Instant::now() + BUDGET)
        } else {
            Allowance::Unlimited
        };
        self.begun = true;
        self.spent = Duration::ZERO;
    }

    /// The scan is over: what is looked at in between has no time.
    pub(super) fn end_round(&mut self) {
        self.allowance = Allowance::Nothing;
    }

    /// Whether a search may begin.
    pub(super) fn may(&self) -> bool {
        match self.allowance {
            Allowance::Unlimited => true,
            Allowance::Until(end) => Instant::now() < end,
            Allowance::Nothing => false,
        }
    }

    /// Time that the searches of the latest scan took.
    pub(super) const fn spent(&self) -> Duration {
        self.spent
    }

    /// Searches a file.
    pub(super) fn look(&mut self, file: Arc<File>) -> Content {
        let began = Instant::now();
        let content = self.content(file);
        self.spent += began.elapsed();
        content
    }

    fn content(&self, file: Arc<File>) -> Content {
        let Ok(program) = Program::read(file) else {
            return Content::Other;
        };
        let size = program
            .segments()
            .iter()
            .fold(0, |sum: u64, segment| sum.saturating_add(segment.size));
        if size > SIZE_LIMIT {
            return Content::Other;
        }
        match self.find(&program) {
            Ok(remembered) => match Fingerprint::of(&program, &remembered.found) {
                Some(fingerprint) => Content::Code(Arc::new(Code {
                    found: remembered.found,
                    fingerprint,
                    contradiction: remembered.contradiction,
                })),
                None => Content::Other,
            },
            Err(refusal) if is_of_a_library(refusal) => Content::Unproven(refusal),
            Err(_) => Content::Other,
        }
    }

    fn find(&self, program: &Program) -> Result<Remembered, Refusal> {
        if let Some(remembered) = self.cache.as_ref().and_then(|cache| cache.load(program)) {
            return Ok(remembered);
        }
        let found = stripped::find(program)?;
        // Without these, nobody could tell connections that are seen from their start from others, nor that they ended.
        for role in [Role::New, Role::Free] {
            if found.function(role).is_none() {
                let missing = found.missing.iter().find(|(missing, _)| *missing == role);
                return Err(missing.map_or(Refusal::Absent, |(_, refusal)| *refusal));
            }
        }
        if let Some(cache) = &self.cache
            && let Err(error) = cache.store(program, &found, None)
        {
            tracing::debug!(%error, "what was found in a program is not remembered");
        }
        Ok(Remembered {
            found,
            contradiction: None,
        })
    }
}

/// Whether there is a library for certain. Others have no more than its file's name in a text.
fn is_of_a_library(refusal: Refusal) -> bool {
    match refusal {
        Refusal::SeveralLibraries
        | Refusal::Absent
        | Refusal::Ambiguous
        | Refusal::BuiltIn
        | Refusal::Inconsistent
        | Refusal::NotFollowed => true,
        Refusal::Machine
        | Refusal::NoLibrary
        | Refusal::NoReferences
        | Refusal::NoFunctions
        | Refusal::TooComplex
        | Refusal::UnknownErrors => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_searched_during_scans_alone() {
        let mut search = Search::default();
        assert!(
            !search.may(),
            "a process that just started is not worth a second of searching"
        );
        for _ in 0..3 {
            search.next_round();
            assert!(search.may());
            search.end_round();
            assert!(!search.may());
        }
    }

    #[test]
    fn the_first_scan_has_all_the_time_it_needs() {
        let mut search = Search::default();
        search.next_round();
        assert!(matches!(search.allowance, Allowance::Unlimited));
        search.next_round();
        assert!(matches!(search.allowance, Allowance::Until(_)));
        search.allowance = Allowance::Until(Instant::now());
        assert!(!search.may(), "its time is over");
    }

    #[test]
    fn what_names_no_library_is_nothing() {
        let mut search = Search::default();
        let shell = Arc::new(File::open("/bin/sh").unwrap());
        assert_eq!(search.look(shell), Content::Other);
        let text = Arc::new(File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap());
        assert_eq!(search.look(text), Content::Other);
    }
}
