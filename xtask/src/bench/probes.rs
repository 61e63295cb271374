//! The yardstick: empty programs at entry and return of `SSL_read` and `SSL_write`, the least that a tool with
//! ordinary probes costs.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::rig::process::Running;
use crate::rig::scratch::Scratch;

/// In a large program it is searched for the functions first.
const START: Duration = Duration::from_mins(1);
/// What `wrongway bench-probes` prints once they are attached.
const READY: &str = "attached";

/// Attached until dropped.
pub(super) struct Probes {
    _process: Running,
}

impl Probes {
    /// Attaches them to the `place` that it names in a library or program, through the agent's own loader, a subcommand of it that is hidden
    /// from its users.
    ///
    /// # Errors
    ///
    /// When they cannot be attached.
    pub(super) fn attach(binary: &Path, scratch: &Scratch, place: &str, library: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        command
            .args(["bench-probes", "--empty", "--at", place, "--library"])
            .arg(library);
        let log = scratch.path().join("probes.log");
        let mut process = Running::start("wrongway bench-probes", &mut command, &log)?;
        let printed = || std::fs::read_to_string(&log).unwrap_or_default();
        process.wait_until(START, || printed().contains(READY))?;
        Ok(Self { _process: process })
    }
}
