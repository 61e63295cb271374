//! Real programs, each with each: what Wrongway sees of them, beside what they did.

pub mod document;
pub mod plan;
pub mod report;
pub mod warm_up;
pub mod watch;

pub use warm_up::warm_up;
pub use watch::{Size, watch};

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use crate::progress::Progress;
use crate::rig::agent::{Agent, Start};
use crate::rig::clients::node;
use crate::rig::ledger::Ledger;
use crate::rig::python::Python;
use crate::rig::scratch::Scratch;
use crate::rig::servers::Server;
use crate::rig::{clients, python, servers};
use crate::{build, setup};
use document::Document;

/// What to do.
#[derive(Clone, Copy, Debug, Args)]
pub struct Options {
    /// Rounds of requests that each client makes to each server
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Measure nothing: make the README's table anew from docs/programs.json
    #[arg(long)]
    readme: bool,
}

/// Measures, prints the table, and writes the result into `docs/programs.json` and the README. Success means
/// that nothing is wrong, missing, or unknown without being declared so; otherwise nothing is written.
///
/// # Errors
///
/// When servers, clients or the agent cannot be run.
pub fn run(options: &Options) -> Result<ExitCode> {
    if options.readme {
        Document::read()?.write()?;
        return Ok(ExitCode::SUCCESS);
    }
    setup::run()?;
    setup::require_packages(&packages())?;
    let ledger = measure(options)?;
    let programs = report::programs(&ledger);
    println!("{}", report::table(&programs));
    let faults = ledger.faults();
    if faults.is_empty() {
        Document::new(programs).write()?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in faults.iter().chain(&ledger.complaints) {
        println!("{line}");
    }
    Ok(ExitCode::FAILURE)
}

fn measure(options: &Options) -> Result<Ledger> {
    let binary = build::agent()?;
    let progress = Progress::new();
    let scratch = Scratch::new("programs")?;
    progress.step("starting servers");
    let python = Python::ready()?;
    let servers = start_servers(&scratch, &python)?;
    let _node = node::idle(&scratch)?;
    let agent = match Agent::start(&binary, &scratch)? {
        Start::Ready(agent) => agent,
        Start::Unsupported(reason) => bail!("the agent cannot observe here: {reason}"),
    };
    let size = Size {
        rounds: options.rounds,
    };
    warm_up(&agent, &servers, &scratch)?;
    watch(&agent, &servers, &scratch, &python, size, |server| {
        progress.step(format!("every client against {server}"));
    })
}

/// Packages that the programs come from.
pub fn packages() -> Vec<&'static str> {
    let mut packages = vec![python::PACKAGE];
    packages.extend(servers::PACKAGES);
    packages.extend(clients::program::PACKAGES);
    packages
}

/// Starts every server.
///
/// # Errors
///
/// When one cannot be started.
pub fn start_servers(scratch: &Scratch, python: &Python) -> Result<Vec<Server>> {
    servers::PROGRAMS
        .iter()
        .map(|program| program.start(scratch, python))
        .collect()
}
