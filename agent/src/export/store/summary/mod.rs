//! Every exchange since the start, counted by what an operator would group by.

use std::cmp::Reverse;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use crate::connection::{Facts, Role};
use crate::observer::Judged;
use crate::verdict::{Class, SniState, Verdict};

/// What stands for the verdict and class of exchanges that found no line of their own.
const OTHER: &str = "other";

/// Exchanges of one kind, counted. A clone copies pointers and counters.
#[derive(Clone, Debug)]
pub struct Line {
    /// What they have in common; `None` for those that found no line of their own.
    pub group: Option<Group>,
    /// How many.
    pub count: u64,
    /// Time of the first, nanoseconds since the Unix epoch.
    pub first: u64,
    /// Time of the latest, nanoseconds since the Unix epoch.
    pub last: u64,
}

/// What the exchanges of a line have in common.
#[derive(Clone, Debug)]
pub struct Group {
    /// What they are called.
    pub verdict: Verdict,
    /// Which side the process was.
    pub role: Role,
    /// Their effective authority, normalised.
    pub authority: Option<Arc<str>>,
    /// The connection of the first; of the others' only server name and executable are the same.
    pub connection: Arc<Facts>,
}

impl Line {
    /// Name of the verdict.
    pub fn verdict(&self) -> &'static str {
        self.group.as_ref().map_or(OTHER, |group| group.verdict.as_str())
    }

    /// Class of the verdict.
    pub fn class(&self) -> &'static str {
        self.group
            .as_ref()
            .map_or(OTHER, |group| group.verdict.class().as_str())
    }

    /// `server` or `client`.
    pub fn role(&self) -> Option<&'static str> {
        self.group.as_ref().map(|group| group.role.as_str())
    }

    /// Server name, as sent.
    pub fn sni(&self) -> Option<&str> {
        self.group.as_ref()?.connection.name.as_sent()
    }

    /// Effective authority.
    pub fn authority(&self) -> Option<&str> {
        self.group.as_ref()?.authority.as_deref()
    }

    fn new(group: Option<Group>, time: u64) -> Self {
        Self {
            group,
            count: 1,
            first: time,
            last: time,
        }
    }

    fn add(&mut self, time: u64) {
        self.count += 1;
        self.last = time;
    }

    fn key(&self) -> Option<Key<'_>> {
        self.group.as_ref().map(|group| Key {
            verdict: group.verdict,
            role: group.role,
            sni: group.connection.name.as_sent(),
            sni_state: SniState::from(&group.connection.name),
            authority: group.authority.as_deref(),
            exe: group.connection.process.exe.as_deref(),
        })
    }
}

/// Counts by verdict, role, SNI, authority and executable. Names come from the network, so the number of
/// lines is bounded; what finds no room is counted in one line named `other`.
#[derive(Debug)]
pub(super) struct Summary {
    lines: HashTable<Line>,
    hasher: RandomState,
    other: Option<Line>,
    capacity: usize,
}

/// What makes a line, borrowed: looking one up copies nothing.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    verdict: Verdict,
    role: Role,
    sni: Option<&'a str>,
    sni_state: SniState,
    authority: Option<&'a str>,
    exe: Option<&'a str>,
}

impl<'a> Key<'a> {
    fn of(judged: &'a Judged) -> Self {
        Self {
            verdict: judged.verdict,
            role: judged.role(),
            sni: judged.sni(),
            sni_state: SniState::from(&judged.connection.name),
            authority: judged.authority.as_deref(),
            exe: judged.connection.process.exe.as_deref(),
        }
    }
}

impl Summary {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            lines: HashTable::new(),
            hasher: RandomState::new(),
            other: None,
            capacity,
        }
    }

    /// Counts an exchange; false if it had to go into the line `other`.
    pub(super) fn count(&mut self, judged: &Judged) -> bool {
        let key = Some(Key::of(judged));
        let hash = self.hasher.hash_one(&key);
        if let Some(line) = self.lines.find_mut(hash, |line| line.key() == key) {
            line.add(judged.time);
            return true;
        }
        if self.lines.len() < self.capacity {
            let line = Line::new(Some(Group::of(judged)), judged.time);
            let hasher = &self.hasher;
            self.lines
                .insert_unique(hash, line, |line| hasher.hash_one(line.key()));
            return true;
        }
        match &mut self.other {
            Some(line) => line.add(judged.time),
            None => self.other = Some(Line::new(None, judged.time)),
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

impl Group {
    fn of(judged: &Judged) -> Self {
        Self {
            verdict: judged.verdict,
            role: judged.role(),
            authority: judged.authority.as_deref().map(Arc::from),
            connection: Arc::clone(&judged.connection),
        }
    }
}

fn rank(line: &Line) -> impl Ord + use<'_> {
    let group = line.group.as_ref();
    let class = match group.map(|group| group.verdict.class()) {
        Some(Class::Fine) => 2,
        Some(Class::Undecided) => 1,
        _ => 0,
    };
    (
        class,
        Reverse(line.count),
        line.verdict(),
        line.authority(),
        line.sni(),
        line.role(),
        group.and_then(|group| group.connection.process.exe.as_deref()),
    )
}
