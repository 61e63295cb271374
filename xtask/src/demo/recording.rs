//! The recording in the repository, for machines that cannot run eBPF: the record stream of an earlier
//! demo, and beside it what the clients of that demo did.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Show;
use crate::build;
use crate::rig::exchange::Exchange;
use crate::rig::process::{Running, output_of};
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

/// In the repository.
const RECORDING: &str = "docs/demo.wrongway";

/// How long `wrongway record` may take until it records.
const START: Duration = Duration::from_mins(1);
/// What it prints then.
const READY: &str = "recording";

/// Starts to record, beside an agent that runs, and waits until everything is attached.
///
/// # Errors
///
/// When `wrongway record` ends or is not ready in time.
pub(super) fn start(binary: &Path, scratch: &Scratch, file: &Path) -> Result<Running> {
    let mut command = Command::new(binary);
    command.arg("record").arg(file);
    let log = scratch.path().join("record.log");
    let mut recorder = Running::start("wrongway record", &mut command, &log)?;
    let printed = || fs::read_to_string(&log).unwrap_or_default();
    recorder.wait_until(START, || printed().contains(READY))?;
    Ok(recorder)
}

/// Shows the recording to the agent and returns what it says.
///
/// # Errors
///
/// When the recording or the agent's answer cannot be read.
pub(super) fn replay(binary: &Path) -> Result<Show> {
    let recording = build::workspace().join(RECORDING);
    let truths = read_lines::<Truth>(&read(&truths_beside(&recording))?)?;
    let printed = output_of(Command::new(binary).args(["replay", "--json"]).arg(&recording))?;
    let exchanges = read_lines::<Exchange>(&printed)?;
    let ports = ports(&truths);
    Ok(Show {
        exchanges,
        truths,
        ports,
    })
}

/// Writes down what the clients did, beside a recording.
///
/// # Errors
///
/// When it cannot be written.
pub(super) fn write_truths(recording: &Path, truths: &[Truth]) -> Result<()> {
    let mut text = String::new();
    for truth in truths {
        text.push_str(&serde_json::to_string(truth).context("cannot write a record as JSON")?);
        text.push('\n');
    }
    let path = truths_beside(recording);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn truths_beside(recording: &Path) -> PathBuf {
    recording.with_extension("truth.jsonl")
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read_lines<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>> {
    text.lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("not as expected: {line}")))
        .collect()
}

/// Ports of the servers.
fn ports(truths: &[Truth]) -> Vec<u16> {
    let ports: BTreeSet<u16> = truths
        .iter()
        .filter_map(|truth| truth.peer.rsplit_once(':')?.1.parse().ok())
        .collect();
    ports.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truths_stand_beside_the_recording() {
        let path = truths_beside(Path::new("docs/demo.wrongway"));
        assert_eq!(path, Path::new("docs/demo.truth.jsonl"));
    }
}
