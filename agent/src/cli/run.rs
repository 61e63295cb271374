//! `wrongway run`.

use std::process::ExitCode;

use super::args::RunArgs;
use super::{failure, logging};
use crate::live::{self, Endpoints, Options};

/// Runs the agent until it is told to stop.
///
/// # Errors
/// Returns what keeps it from starting: 69 for a missing kernel feature or privilege.
pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    logging::start()?;
    let endpoints = Endpoints {
        listen: args.listen,
        control: args.control.clone(),
    };
    let options = Options {
        endpoints: Some(endpoints),
        recording: None,
        journal: args.journal.clone(),
        duration: None,
        interfaces: args.wire.choice(),
    };
    live::run(options).map_err(failure::unavailable_kernel)?;
    Ok(ExitCode::SUCCESS)
}
