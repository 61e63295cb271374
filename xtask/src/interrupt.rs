//! Leaves nothing behind on Ctrl-C: whatever is registered here is undone before the process ends.
//!
//! Values undo themselves when they are dropped; a signal runs no destructors, so each registers the same
//! thing here for as long as it lives.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Something to undo.
#[derive(Debug)]
pub enum Leftover {
    /// A process to kill.
    Process(Pid),
    /// A file to remove.
    File(PathBuf),
    /// A directory to remove with all it holds.
    Directory(PathBuf),
    /// A file system to unmount.
    Mount(PathBuf),
    /// A network namespace to delete, by the name that `ip` gave it.
    Namespace(String),
}

/// Keeps a [`Leftover`] registered while it lives. Dropping it undoes nothing.
#[derive(Debug)]
pub struct Registration(u64);

struct Registry {
    next: u64,
    leftovers: BTreeMap<u64, Leftover>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    next: 0,
    leftovers: BTreeMap::new(),
});

/// Starts to wait for signals. From then on SIGINT, SIGTERM and SIGHUP undo what is registered and end the
/// process with 128 plus the signal's number.
///
/// # Errors
///
/// When the handlers cannot be installed.
pub fn watch() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot watch for signals")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            undo_all();
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// Registers something to undo, should the process be interrupted.
pub fn register(leftover: Leftover) -> Registration {
    let mut registry = registry();
    let key = registry.next;
    registry.next += 1;
    registry.leftovers.insert(key, leftover);
    Registration(key)
}

impl Drop for Registration {
    fn drop(&mut self) {
        registry().leftovers.remove(&self.0);
    }
}

/// Newest first, as destructors would: servers end before the directories they write to go.
fn undo_all() {
    for leftover in registry().leftovers.values().rev() {
        // Each may be gone already, and there is nobody left to tell.
        match leftover {
            Leftover::Process(pid) => drop(kill_process(*pid, Signal::TERM)),
            Leftover::File(path) => drop(fs::remove_file(path)),
            Leftover::Directory(path) => drop(fs::remove_dir_all(path)),
            Leftover::Mount(path) => {
                drop(Command::new("umount").arg("--lazy").arg(path).output());
            }
            Leftover::Namespace(name) => {
                drop(Command::new("ip").args(["netns", "delete", name]).output());
            }
        }
    }
}

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_registration_is_forgotten() {
        let registration = register(Leftover::File(PathBuf::from("/nonexistent")));
        let key = registration.0;
        assert!(registry().leftovers.contains_key(&key));
        drop(registration);
        assert!(!registry().leftovers.contains_key(&key));
    }
}
