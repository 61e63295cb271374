//! The scanner: remembers processes, and looks only at what is new.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::examine::{Files, Finding, Findings};
use super::status::Status;
use super::{Problem, ProblemKind, ProcessInfo, ProcessScan, Scan, maps, status};
use crate::target::libraries::below;
use crate::target::{Emulation, FileId, stripped};

/// Finds TLS libraries in processes. Each distinct file is examined once; a process whose mappings did not
/// change costs one read of them.
#[derive(Debug)]
pub struct Scanner {
    root: PathBuf,
    processes: HashMap<u32, Known>,
    files: Files,
    watched: Vec<Watched>,
}

/// What is remembered of a process.
#[derive(Debug)]
struct Known {
    /// Hash of its mappings as the kernel printed them.
    mappings: u64,
    findings: Findings,
    info: Arc<ProcessInfo>,
}

impl Known {
    /// Whether another look at the same mappings would show the same.
    fn is_settled(&self) -> bool {
        let searched = |finding: &Finding| !matches!(finding, Finding::Unsearched);
        self.info.problems.is_empty() && self.findings.values().all(searched)
    }
}

/// A library that is a target whether or not a process maps it.
#[derive(Debug)]
struct Watched {
    name: PathBuf,
    location: PathBuf,
}

impl Scanner {
    /// A scanner of the processes below `proc_root`, usually `/proc`.
    pub fn new(proc_root: impl Into<PathBuf>) -> Self {
        Self {
            root: proc_root.into(),
            processes: HashMap::new(),
            files: Files::default(),
            watched: Vec::new(),
        }
    }

    /// Chooses places for this kernel. Without it, for one of which nothing is known.
    #[must_use]
    pub fn with_emulation(mut self, emulation: Emulation) -> Self {
        self.files.emulation = emulation;
        self
    }

    /// Remembers in a directory what was found in code.
    #[must_use]
    pub fn with_cache(mut self, cache: Option<stripped::Cache>) -> Self {
        self.files.search.cache = cache;
        self
    }

    /// Makes targets of libraries that no process need map. `names` are absolute paths as seen from `root`,
    /// which is where they are opened; files that do not exist are looked for again with every scan.
    pub fn watch(&mut self, root: &Path, names: Vec<PathBuf>) {
        let watched = names.into_iter().map(|name| Watched {
            location: below(root, &name),
            name,
        });
        self.watched.extend(watched);
    }

    /// Looks at every process, and at the watched libraries. Targets that neither uses are let go.
    pub fn scan(&mut self) -> Scan {
        self.files.next_round();
        let pids: BTreeSet<u32> = fs::read_dir(&self.root)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        self.processes.retain(|pid, _| pids.contains(pid));
        let processes: Vec<_> = pids.into_iter().filter_map(|pid| self.look(pid)).collect();
        let mut used: BTreeSet<FileId> = processes
            .iter()
            .flat_map(|process| &process.targets)
            .copied()
            .collect();
        for Watched { name, location } in &self.watched {
            used.extend(self.files.library(name, location));
        }
        self.files.keep_targets(&used);
        self.files.end_round();
        Scan {
            processes,
            targets: self.files.targets(),
        }
    }

    /// How much of the latest scan went into searching code.
    pub fn time_of_searches(&self) -> Duration {
        self.files.search.spent()
    }

    /// What was last seen of a process, even if it is gone by now.
    pub fn known(&self, pid: u32) -> Option<&ProcessInfo> {
        self.processes.get(&pid).map(|known| &*known.info)
    }

    /// Looks at one process, for example because it has just started or mapped a library.
    pub fn scan_process(&mut self, pid: u32) -> ProcessScan {
        let Some(process) = self.look(pid) else {
            return ProcessScan::Absent;
        };
        ProcessScan::Present {
            targets: process
                .targets
                .iter()
                .filter_map(|&id| self.files.target(id))
                .collect(),
            process,
        }
    }

    /// `None` if the process is gone or maps nothing. It may go at any moment: what cannot be read because
    /// of that is no problem of its own.
    fn look(&mut self, pid: u32) -> Option<Arc<ProcessInfo>> {
        let directory = self.root.join(pid.to_string());
        let known = self.processes.remove(&pid);
        let status = status::status(&directory)?;
        let known = known.filter(|known| known.info.start_time == status.start_time);
        let (text, refusal) = match fs::read(directory.join("maps")) {
            // Kernel threads, and processes that have ended but were not waited for.
            Ok(text) if text.is_empty() => return None,
            Ok(text) => (text, None),
            Err(error) if is_gone(&error) => return None,
            Err(error) => (Vec::new(), Some(error)),
        };
        let mappings = hash(&text);
        let known = match known {
            // A problem may be over by now.
            Some(known) if known.mappings == mappings && known.is_settled() => known,
            known => {
                let before = known.map(|known| known.findings).unwrap_or_default();
                let findings = self
                    .files
                    .findings(&directory, maps::executable_files(&text), &before);
                let problems = problems(&findings, refusal);
                if !problems.is_empty() && is_other(&directory, &status) {
                    return None;
                }
                let info = Arc::new(describe(pid, &directory, status, &findings, problems));
                Known {
                    mappings,
                    findings,
                    info,
                }
            }
        };
        let info = Arc::clone(&known.info);
        self.processes.insert(pid, known);
        Some(info)
    }
}

fn describe(
    pid: u32,
    directory: &Path,
    status: Status,
    findings: &Findings,
    problems: Vec<Problem>,
) -> ProcessInfo {
    let targets: BTreeSet<FileId> = findings
        .values()
        .filter_map(|finding| match finding {
            Finding::Target(id) => Some(*id),
            Finding::Other | Finding::Crypto | Finding::Unsearched | Finding::Problem(_) => None,
        })
        .collect();
    let origin = status::origin(directory);
    ProcessInfo {
        pid,
        exe: fs::read_link(directory.join("exe")).ok(),
        comm: status.comm,
        start_time: status.start_time,
        container: origin.container,
        pod_uid: origin.pod_uid,
        targets: targets.into_iter().collect(),
        problems,
    }
}

/// The problems among the findings, by path; `refusal` is why there are none at all.
fn problems(findings: &Findings, refusal: Option<io::Error>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = findings
        .values()
        .filter_map(|finding| match finding {
            Finding::Problem(problem) => Some(problem.clone()),
            Finding::Other | Finding::Crypto | Finding::Unsearched | Finding::Target(_) => None,
        })
        .collect();
    problems.sort_by(|one, other| one.path.cmp(&other.path));
    problems.extend(refusal.map(|error| Problem {
        path: None,
        kind: ProblemKind::UnreadableProcess,
        detail: error.to_string(),
    }));
    problems
}

/// Whether the process is no longer the one that it was.
fn is_other(directory: &Path, before: &Status) -> bool {
    status::status(directory).is_none_or(|now| now.start_time != before.start_time)
}

/// Whether an error says that the process ended.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

fn hash(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
