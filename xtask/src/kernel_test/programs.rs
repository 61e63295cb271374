//! Eleven servers and seven clients, each with each.

use anyhow::{Result, bail, ensure};

use super::world::start_agent;
use super::{Case, Setting};
use crate::matrix::document::Document;
use crate::matrix::{self, Size, report};
use crate::rig::agent::Agent;
use crate::rig::clients::node;
use crate::rig::ledger::Ledger;
use crate::rig::metrics::{self, Sample};
use crate::rig::python::Python;

pub(super) const CASES: &[Case] = &[Case {
    name: "programs::matrix",
    observes: true,
    run: every_program,
}];

fn every_program(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let python = Python::ready()?;
    let servers = matrix::start_servers(scratch, &python)?;
    let _node = node::idle(scratch)?;
    let agent = start_agent(setting)?;
    let lost_before = matrix::warm_up(&agent, &servers, scratch)?;
    let size = Size { rounds: 1 };
    let ledger = matrix::watch(&agent, &servers, scratch, &python, size, |_| {})?;
    let overclaims = Document::read()?.overclaims(&report::programs(&ledger));
    let overclaims = overclaims
        .iter()
        .map(|claim| format!("docs/programs.json claims more: {claim}"));
    demand(&agent, &lost_before, &ledger, overclaims)
}

/// Demands that everything came out right, that there are no other faults, and that nothing more was lost.
pub(super) fn demand(
    agent: &Agent,
    lost_before: &[Sample],
    ledger: &Ledger,
    others: impl IntoIterator<Item = String>,
) -> Result<String> {
    let losses = metrics::since(lost_before, agent.losses()?);
    let table = report::table(&report::programs(ledger));
    let mut faults = ledger.faults();
    faults.extend(others);
    if !faults.is_empty() {
        bail!(
            "{}\n{table}\n{}\nlosses: {losses:?}",
            faults.join("\n"),
            ledger.complaints.join("\n")
        );
    }
    ensure!(losses.is_empty(), "losses: {losses:?}\n{table}");
    Ok(format!("\n{table}"))
}
