//! Processes and their children, as `/proc` tells.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// The processes that a process started directly, from any of its threads.
pub fn children_of(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|number| number.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

/// A process with its children and theirs.
pub fn family_of(pid: u32) -> BTreeSet<u32> {
    let mut family = BTreeSet::new();
    let mut pending = vec![pid];
    while let Some(pid) = pending.pop() {
        if family.insert(pid) {
            pending.extend(children_of(pid));
        }
    }
    family
}

/// The executable of a process.
///
/// # Errors
///
/// When the process has ended.
pub fn executable_of(pid: u32) -> Result<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).with_context(|| format!("process {pid} has no executable"))
}

/// The executable that a command's name leads to, links resolved.
///
/// # Errors
///
/// When there is none on `PATH`.
pub fn executable_named(name: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
        .and_then(|found| found.canonicalize().ok())
        .with_context(|| format!("{name} is not on the path"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_belongs_to_the_family() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let family = family_of(std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(family.contains(&child.id()) && family.contains(&std::process::id()));
    }
}
