//! Runs a client that is a script: it takes one JSON object and prints one for each request.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::program::{Job, PATIENCE};
use crate::rig::process::output_of;
use crate::rig::truth::Truth;

/// Runs `script` with the job's connections in its first argument, and checks that every request was made.
pub(super) fn run(job: &Job<'_>, interpreter: &Path, name: &str, script: &str) -> Result<Vec<Truth>> {
    let path = job.scratch.write(name, script)?;
    let options = json!({"port": job.port, "protocol": job.version.as_str(), "dials": job.dials});
    let lines = output_of(
        Command::new("timeout")
            .arg(PATIENCE.as_secs().to_string())
            .arg(interpreter)
            .arg(&path)
            .arg(options.to_string()),
    )?;
    let truths = lines
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("{name} printed {line}")))
        .collect::<Result<Vec<Truth>>>()?;
    let wanted: usize = job.dials.iter().map(|dial| dial.requests.len()).sum();
    let made = truths.iter().filter(|truth| !truth.abandoned).count();
    ensure!(made == wanted, "{name} made {made} requests of {wanted}");
    Ok(truths)
}
