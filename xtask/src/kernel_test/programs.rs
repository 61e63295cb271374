//! Nine servers and seven clients, each with each.

use anyhow::{Result, bail, ensure};

use super::world::start_agent;
use super::{Case, Setting};
use crate::matrix::document::Document;
use crate::matrix::{self, Size, report};
use crate::rig::clients::node;
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
    let size = Size { rounds: 1 };
    let ledger = matrix::watch(&agent, &servers, scratch, &python, size, |_| {})?;
    let losses = agent.losses()?;
    let programs = report::programs(&ledger);
    let table = report::table(&programs);
    let mut faults = ledger.faults();
    let overclaims = Document::read()?.overclaims(&programs);
    faults.extend(
        overclaims
            .iter()
            .map(|claim| format!("docs/programs.json claims more: {claim}")),
    );
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
