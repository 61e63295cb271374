//! What a probe costs on this machine, as the agent measures it before it places any.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::world::start_agent;
use super::{Case, Setting};
use crate::rig::bpf;
use crate::rig::process::Running;

pub(super) const CASES: &[Case] = &[Case {
    name: "probe::emulation",
    observes: true,
    run: emulation,
}];

const START: Duration = Duration::from_secs(20);
/// What the agent logs.
const LOGGED: &str = "measured what probes cost";

/// A line of the table.
#[derive(Debug, Deserialize)]
struct Line {
    kind: String,
    nanoseconds: Option<u64>,
    emulated: bool,
}

/// The last line.
#[derive(Debug, Deserialize)]
struct Whole {
    pair_nanoseconds: Option<u64>,
    took_milliseconds: f64,
    detached_after_milliseconds: f64,
}

fn emulation(setting: &Setting) -> Result<String> {
    let log = setting.scratch.path().join("bench-emulation.log");
    let mut command = Command::new(&setting.binary);
    command.arg("bench-emulation");
    let mut process = Running::start("wrongway bench-emulation", &mut command, &log)?;
    process.wait_until(START, || {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("took_milliseconds"))
    })?;
    let held = bpf::held_by(process.pid())?;
    let left: Vec<_> = held.iter().filter(|object| object.kind != "map").collect();
    ensure!(left.is_empty(), "still there after the measurement: {left:?}");
    let text = process.log_text();
    process.stop()?;
    bpf::wait_until_gone(&held)?;

    let (table, whole) = parse(&text)?;
    let cost = |kind: &str| {
        let line = table.get(kind).with_context(|| format!("no {kind}\n{text}"))?;
        let nanoseconds = line
            .nanoseconds
            .with_context(|| format!("{kind} was not measured"))?;
        anyhow::Ok((nanoseconds, line.emulated))
    };
    let (push, emulated) = cost("push")?;
    let (reference, _) = cost("clc")?;
    let (subtract, subtract_emulated) = cost("sub")?;
    ensure!(emulated, "push is not emulated\n{text}");
    ensure!(push < reference, "push costs what clc does\n{text}");
    // A kernel may learn to emulate it.
    ensure!(
        subtract_emulated || push < subtract,
        "push costs what sub does\n{text}"
    );
    let pair = whole.pair_nanoseconds.context("the pair was not measured")?;
    ensure!(pair > push, "a return costs nothing\n{text}");

    let agent = start_agent(setting)?;
    let log = agent.process.log_text();
    ensure!(log.contains(LOGGED), "the agent did not measure:\n{log}");
    let lines: Vec<String> = table.values().map(Line::to_string).collect();
    Ok(format!(
        "in {:.0} ms, detached after {:.0} ms; entry and return on push {pair} ns\n{}",
        whole.took_milliseconds,
        whole.detached_after_milliseconds,
        lines.join("\n")
    ))
}

fn parse(text: &str) -> Result<(BTreeMap<String, Line>, Whole)> {
    let mut lines: Vec<&str> = text.lines().filter(|line| line.starts_with('{')).collect();
    let last = lines.pop().context("the table is empty")?;
    let mut table = BTreeMap::new();
    for line in lines {
        let line: Line = serde_json::from_str(line).with_context(|| format!("no cost: {line}"))?;
        table.insert(line.kind.clone(), line);
    }
    Ok((
        table,
        serde_json::from_str(last).with_context(|| format!("no sum: {last}"))?,
    ))
}

impl std::fmt::Display for Line {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cost = self
            .nanoseconds
            .map_or("unknown".to_owned(), |cost| format!("{cost} ns"));
        let how = if self.emulated {
            "emulated"
        } else {
            "single-stepped"
        };
        write!(formatter, "    {:<14} {cost:>9}  {how}", self.kind)
    }
}
