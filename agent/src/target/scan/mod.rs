//! Looks through the processes for TLS libraries.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FileId, Target};

mod cache;
mod examine;
mod maps;
mod open;
mod scanner;
mod search;
mod status;

pub use scanner::Scanner;

/// A process that maps code from files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Its number, in the PID namespace of the `/proc` that is read.
    pub pid: u32,
    /// Path of its executable, as the process sees it; `None` if it could not be read.
    pub exe: Option<PathBuf>,
    /// Name of its main thread.
    pub comm: String,
    /// When it started, in clock ticks since boot: field 22 of `/proc/PID/stat`. With `pid` it names one
    /// process for all time.
    pub start_time: u64,
    /// Identifier of its container, 64 hexadecimal digits.
    pub container: Option<String>,
    /// Identifier of its Kubernetes pod, as a UUID.
    pub pod_uid: Option<String>,
    /// Targets that it maps, in the order of their identities.
    pub targets: Vec<FileId>,
    /// Files that may hold a TLS library but could not be examined.
    pub problems: Vec<Problem>,
}

/// What tells a process from others, cheap enough to be read while its records wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Path of its executable, as the process sees it; `None` if it could not be read.
    pub exe: Option<PathBuf>,
    /// Identifier of its container, 64 hexadecimal digits.
    pub container: Option<String>,
}

/// Identifies a process; all is unknown if it is gone.
pub fn identify(proc_root: &Path, pid: u32) -> Identity {
    let directory = proc_root.join(pid.to_string());
    Identity {
        exe: fs::read_link(directory.join("exe")).ok(),
        container: status::origin(&directory).container,
    }
}

/// Why something of a process could not be examined.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// The file, as the process names it; `None` if not even its mappings could be read.
    pub path: Option<PathBuf>,
    /// What kind of problem.
    pub kind: ProblemKind,
    /// What the system says.
    pub detail: String,
}

/// Kinds of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The list of mappings could not be read.
    UnreadableProcess,
    /// A mapped file could not be read.
    UnreadableLibrary,
    /// A mapped file is a broken ELF file.
    BrokenLibrary,
}

impl ProblemKind {
    /// The name in listings and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnreadableProcess => "unreadable_process",
            Self::UnreadableLibrary => "unreadable_library",
            Self::BrokenLibrary => "broken_library",
        }
    }
}

/// All processes, as one scan found them.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Processes that map code, by number.
    pub processes: Vec<Arc<ProcessInfo>>,
    /// Targets in use by at least one of them, and the watched libraries, by identity.
    pub targets: Vec<Arc<Target>>,
}

/// One process, as a scan found it.
#[derive(Clone, Debug)]
pub enum ProcessScan {
    /// It ended, or it never maps code: a kernel thread.
    Absent,
    /// It runs.
    Present {
        /// The process.
        process: Arc<ProcessInfo>,
        /// Its targets.
        targets: Vec<Arc<Target>>,
    },
}
