//! Paced requests to one server for a long time, over connections that are kept and over new ones, with the
//! agent observing: nothing may fail, be missed, be lost or be told wrongly, and the server has to live.

mod load;
mod outcome;
mod pace;
mod run;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;

pub use self::outcome::Outcome;
pub use self::run::{Size, endure};

use crate::progress::Progress;
use crate::rig::agent::{Agent, Start};
use crate::rig::clients::node;
use crate::rig::python::Python;
use crate::rig::scratch::Scratch;
use crate::rig::servers::{PROGRAMS, Program};
use crate::{build, matrix, setup};

/// How to load which server.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Program of the server
    #[arg(long, default_value = "envoy", value_parser = PossibleValuesParser::new(names()))]
    server: String,
    /// Seconds of load
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Requests a second
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
}

/// Loads the server and tells what came of it.
///
/// # Errors
///
/// When the server, a client or the agent cannot be run.
pub fn run(options: &Options) -> Result<ExitCode> {
    let Some(program) = PROGRAMS.iter().find(|program| program.name == options.server) else {
        bail!("no server is called {}", options.server);
    };
    setup::run()?;
    setup::require_packages(&matrix::packages())?;
    let binary = build::agent()?;
    let size = Size {
        duration: Duration::from_secs(options.seconds),
        rate: options.rate,
    };
    let outcome = observed(program, size, &binary)?;
    println!("{outcome}");
    Ok(if outcome.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn names() -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().map(|program| program.name)
}

fn observed(program: &Program, size: Size, binary: &Path) -> Result<Outcome> {
    let progress = Progress::new();
    let scratch = Scratch::new("endurance")?;
    let servers = [program.start(&scratch, &Python::ready()?)?];
    let _node = node::idle(&scratch)?;
    let agent = match Agent::start(binary, &scratch)? {
        Start::Ready(agent) => agent,
        Start::Unsupported(reason) => bail!("the agent cannot observe here: {reason}"),
    };
    matrix::warm_up(&agent, &servers, &scratch)?;
    let [server] = &servers;
    endure(&agent, server, &scratch, size, |so_far| progress.step(so_far))
}
