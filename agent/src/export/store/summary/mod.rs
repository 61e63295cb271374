//! Every exchange since the start, counted by cause: what it is called, who answered, and who asked.
//!
//! One wrong line of a configuration shows under many names and from many clients. So names and clients are counted
//! within a cause, and do not make one.

mod clients;
mod names;
mod trend;

use std::cmp::Reverse;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

pub use self::clients::Clients;
pub use self::names::{NameCount, Names};
pub use self::trend::Trend;

use crate::connection::{Facts, Process, Role};
use crate::observer::Judged;
use crate::verdict::{Class, Verdict};

/// What stands for the verdict and class of exchanges that found no line of their own.
const OTHER: &str = "other";

/// Exchanges of one cause, counted.
#[derive(Clone, Debug)]
pub struct Line {
    /// What they have in common; `None` for those that found no line of their own.
    pub cause: Option<Cause>,
    /// How many.
    pub count: u64,
    /// Time of the first, nanoseconds since the Unix epoch.
    pub first: u64,
    /// Time of the latest, nanoseconds since the Unix epoch.
    pub last: u64,
    /// Number of the latest.
    pub latest: u64,
    /// The names they were for.
    pub names: Names,
    /// Who asked.
    pub clients: Clients,
    /// How many lately.
    pub trend: Trend,
}

/// What the exchanges of a line have in common.
#[derive(Clone, Debug)]
pub struct Cause {
    /// What they are called.
    pub verdict: Verdict,
    /// Which side the process was.
    pub role: Role,
    /// The connection of the first; of the others' only the executable is the same.
    connection: Arc<Facts>,
    /// The process at the other end, if it is on this machine; its executable is the same for all.
    other_end: Option<Arc<Process>>,
}

impl Cause {
    fn of(judged: &Judged) -> Self {
        Self {
            verdict: judged.verdict,
            role: judged.role(),
            connection: Arc::clone(&judged.connection),
            other_end: judged
                .connection
                .pair
                .as_ref()
                .map(|pair| Arc::clone(&pair.process)),
        }
    }

    /// The executable of the observed process.
    pub fn exe(&self) -> Option<&str> {
        self.connection.process.exe.as_deref()
    }

    /// The executable at the other end, if that is on this machine.
    pub fn other_exe(&self) -> Option<&str> {
        self.other_end.as_ref()?.exe.as_deref()
    }
}

impl Line {
    /// Name of the verdict.
    pub fn verdict(&self) -> &'static str {
        self.cause.as_ref().map_or(OTHER, |cause| cause.verdict.as_str())
    }

    /// Class of the verdict.
    pub fn class(&self) -> &'static str {
        self.cause
            .as_ref()
            .map_or(OTHER, |cause| cause.verdict.class().as_str())
    }

    /// `server` or `client`.
    pub fn role(&self) -> Option<&'static str> {
        self.cause.as_ref().map(|cause| cause.role.as_str())
    }

    fn new(cause: Option<Cause>, judged: &Judged) -> Self {
        let mut line = Self {
            cause,
            count: 0,
            first: judged.time,
            last: judged.time,
            latest: judged.id,
            names: Names::default(),
            clients: Clients::default(),
            trend: Trend::default(),
        };
        line.add(judged);
        line
    }

    fn add(&mut self, judged: &Judged) {
        self.count += 1;
        self.last = self.last.max(judged.time);
        self.latest = judged.id;
        self.names.add(judged);
        self.clients.add(judged);
        self.trend.add(judged.time);
    }

    fn key(&self) -> Option<Key<'_>> {
        self.cause.as_ref().map(|cause| Key {
            verdict: cause.verdict,
            role: cause.role,
            exe: cause.exe(),
            other_exe: cause.other_exe(),
        })
    }
}

/// Counts by cause. Programs come and go, so the number of lines is bounded; what finds no room is counted in one
/// line named `other`.
#[derive(Debug)]
pub(super) struct Summary {
    lines: HashTable<Line>,
    hasher: DefaultHashBuilder,
    other: Option<Line>,
    capacity: usize,
}

/// What makes a line, borrowed: looking one up copies nothing.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    verdict: Verdict,
    role: Role,
    exe: Option<&'a str>,
    other_exe: Option<&'a str>,
}

impl<'a> Key<'a> {
    fn of(judged: &'a Judged) -> Self {
        let connection = &*judged.connection;
        Self {
            verdict: judged.verdict,
            role: judged.role(),
            exe: connection.process.exe.as_deref(),
            other_exe: connection
                .pair
                .as_ref()
                .and_then(|pair| pair.process.exe.as_deref()),
        }
    }
}

impl Summary {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            lines: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            other: None,
            capacity,
        }
    }

    /// Counts an exchange; false if it had to go into the line `other`.
    pub(super) fn count(&mut self, judged: &Judged) -> bool {
        let key = Some(Key::of(judged));
        let hash = self.hasher.hash_one(&key);
        if let Some(line) = self.lines.find_mut(hash, |line| line.key() == key) {
            line.add(judged);
            return true;
        }
        if self.lines.len() < self.capacity {
            let line = Line::new(Some(Cause::of(judged)), judged);
            let hasher = &self.hasher;
            self.lines
                .insert_unique(hash, line, |line| hasher.hash_one(line.key()));
            return true;
        }
        match &mut self.other {
            Some(line) => line.add(judged),
            None => self.other = Some(Line::new(None, judged)),
        }
        false
    }

    /// All lines, what deserves attention first: findings, then what is undecided, then what is fine, each
    /// from the most to the least frequent; `other` comes last.
    pub(super) fn lines(&self) -> Vec<&Line> {
        let mut lines: Vec<_> = self.lines.iter().collect();
        lines.sort_by(|a, b| rank(a).cmp(&rank(b)));
        lines.extend(&self.other);
        lines
    }
}

fn rank(line: &Line) -> impl Ord + use<'_> {
    let cause = line.cause.as_ref();
    let class = match cause.map(|cause| cause.verdict.class()) {
        Some(Class::Fine) => 2,
        Some(Class::Undecided) => 1,
        _ => 0,
    };
    (
        class,
        Reverse(line.count),
        line.verdict(),
        line.role(),
        cause.and_then(Cause::exe),
        cause.and_then(Cause::other_exe),
    )
}
