//! The findings journal of a running agent: what it holds, a full disk, a second agent, a crash.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::world::{NAME, STRANGER, start_nginx};
use super::{Case, Setting};
use crate::rig::agent::{Agent, Start};
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::metrics::Sample;
use crate::rig::nginx::Nginx;
use crate::rig::small_disk::SmallDisk;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "journal::full_disk_and_crash",
        observes: true,
        run: full_disk_and_crash,
    },
    Case {
        name: "journal::unusable_directory",
        observes: false,
        run: unusable_directory,
    },
];

/// Exit code: the configuration is wrong.
const CONFIGURATION: i32 = 64;
/// Exit code: something is in the way.
const PROBLEM: i32 = 1;
/// For anything to happen. The agent tries a disk that failed again after a minute at most.
const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(100);
/// Each is a finding of the client and one of the server.
const SIDES: usize = 2;

fn full_disk_and_crash(setting: &Setting) -> Result<String> {
    let disk = SmallDisk::new(&setting.scratch, 128)?;
    let directory = disk.path().join("journal");
    let nginx = start_nginx(&setting.scratch, None)?;
    let mut agent = start(setting, &directory)?;
    let mut visited = 0;
    let mut visit = |agent: &Agent, count: usize| {
        visited += count;
        stray(setting, &nginx, agent, count, visited)
    };

    visit(&agent, 3)?;
    wait_until("the findings are in the journal", || {
        Ok(findings(&directory)? == shown(&agent)?)
    })?;
    let second = run_second(setting, &directory)?;

    disk.fill()?;
    visit(&agent, 30)?;
    wait_until("the loss is counted", || Ok(lost(&agent)? > 0))?;
    disk.make_room()?;
    let before = findings(&directory)?.len();
    wait_until("the journal goes on", || {
        visit(&agent, 1)?;
        Ok(findings(&directory)?.len() > before)
    })?;
    let all = shown(&agent)?.len();
    wait_until("each finding is kept or counted", || {
        Ok(findings(&directory)?.len() + lost(&agent)? == all)
    })?;
    let log = agent.process.log_text();
    for (message, level) in [
        ("the journal cannot be written", "WARN"),
        ("the journal can be written again", "INFO"),
    ] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(message)).collect();
        ensure!(
            lines.len() == 1 && lines[0].contains(level),
            "not one line says that {message}: {lines:?}"
        );
    }

    agent.process.kill()?;
    let lost = all - findings(&directory)?.len();
    tear(&directory)?;
    let kept = findings(&directory)?.len();
    let agent = agent.restart()?;
    stray(setting, &nginx, &agent, 1, 1)?;
    wait_until("the next agent goes on with the journal", || {
        Ok(findings(&directory)?.len() == kept + SIDES)
    })?;
    let torn = lines(&directory)?.iter().filter(|line| line.is_err()).count();
    ensure!(
        (1..=2).contains(&torn),
        "{torn} lines are torn, not the last of each agent's"
    );
    Ok(format!(
        "{kept} findings kept, {lost} lost while the disk was full; {second}"
    ))
}

fn unusable_directory(setting: &Setting) -> Result<String> {
    let file = setting.scratch.write("no-directory", "")?;
    let output = run(setting, &file.join("journal"))?;
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    ensure!(
        output.status.code() == Some(CONFIGURATION),
        "ended with {}: {message}",
        output.status
    );
    ensure!(
        message.contains("no-directory") && message.contains("--journal") && message.lines().count() == 1,
        "names neither the directory nor the remedy in one line: {message}"
    );
    Ok(message)
}

fn run_second(setting: &Setting, directory: &Path) -> Result<String> {
    let output = run(setting, directory)?;
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    ensure!(
        output.status.code() == Some(PROBLEM) && message.contains("in use by another agent"),
        "a second agent on the same journal ended with {}: {message}",
        output.status
    );
    Ok(message)
}

/// Runs an agent that must end soon by itself.
fn run(setting: &Setting, journal: &Path) -> Result<std::process::Output> {
    Command::new("timeout")
        .arg("20")
        .arg(&setting.binary)
        .args(["run", "--listen", "127.0.0.1:0", "--control"])
        .arg(setting.scratch.path().join("second.sock"))
        .arg("--journal")
        .arg(journal)
        .output()
        .context("cannot run timeout")
}

fn start(setting: &Setting, journal: &Path) -> Result<Agent> {
    // Findings are counted here, and alerts are noted in the journal too.
    let policy = setting.scratch.write("no-alerts.toml", "alert = []\n")?;
    let arguments = [
        "--journal".into(),
        journal.into(),
        "--config".into(),
        policy.into(),
    ];
    match Agent::start_with(&setting.binary, &setting.scratch, &arguments)? {
        Start::Ready(agent) => Ok(agent),
        Start::Unsupported(reason) => bail!("the agent cannot observe here: {reason}"),
    }
}

/// Asks for a name that the connection's certificate does not cover, and waits until the agent has seen `all` of them.
fn stray(setting: &Setting, nginx: &Nginx, agent: &Agent, count: usize, all: usize) -> Result<()> {
    let visits = vec![Visit::new(Some(NAME), STRANGER, "/"); count];
    curl::visit(&setting.scratch, nginx.port, Version::Http1, &visits)?;
    let exchanges = agent.settled_exchanges(&[nginx.port], all * SIDES)?;
    ensure!(
        exchanges.len() == all * SIDES,
        "{} exchanges seen of {}: a full disk is no reason not to look",
        exchanges.len(),
        all * SIDES
    );
    Ok(())
}

/// Findings that the agent shows, by their numbers.
fn shown(agent: &Agent) -> Result<Vec<Value>> {
    let printed = agent.inspect("findings")?;
    let mut ids = printed
        .lines()
        .map(|line| Ok(serde_json::from_str::<Value>(line)?["id"].clone()))
        .collect::<Result<Vec<_>>>()?;
    ids.sort_by_key(Value::as_u64);
    Ok(ids)
}

/// Findings in the journal, by their numbers.
fn findings(directory: &Path) -> Result<Vec<Value>> {
    let lines = lines(directory)?.into_iter().flatten();
    let findings = lines.filter(|line| line["kind"] == "finding");
    Ok(findings.map(|line| line["exchange"]["id"].clone()).collect())
}

/// Lines of the journal, whole or not.
fn lines(directory: &Path) -> Result<Vec<serde_json::Result<Value>>> {
    let mut all = Vec::new();
    for path in files(directory)? {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        all.extend(text.lines().map(serde_json::from_str));
    }
    Ok(all)
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("no {}", directory.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Leaves half a line at the end, as a crash might.
fn tear(directory: &Path) -> Result<()> {
    let files = files(directory)?;
    let newest = files.last().context("the journal has no file")?;
    let mut file = OpenOptions::new().append(true).open(newest)?;
    file.write_all(b"{\"kind\":\"finding\",\"exch")?;
    Ok(())
}

/// Lines that found no room.
fn lost(agent: &Agent) -> Result<usize> {
    let losses = agent.losses()?;
    let full = |sample: &&Sample| {
        sample.labels.contains("stage=\"journal\"") && sample.labels.contains("reason=\"full\"")
    };
    let lost: f64 = losses.iter().filter(full).map(|sample| sample.value).sum();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small count that the format writes as a float"
    )]
    Ok(lost as usize)
}

fn wait_until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds()? {
        ensure!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(POLL);
    }
    Ok(())
}
