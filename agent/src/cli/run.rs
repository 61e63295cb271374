//! `wrongway run`.

use std::process::ExitCode;

use super::args::RunArgs;
use super::{failure, logging, policy};
use crate::live::{self, Endpoints, Options, PolicySource};

/// Runs the agent until it is told to stop.
///
/// # Errors
/// Returns what keeps it from starting: 64 for a bad policy, 69 for a missing kernel feature or privilege, 70 for
/// a program or a map that the kernel refused though nothing is missing.
pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    logging::start()?;
    let policy = match &args.config {
        Some(path) => PolicySource::file(path).map_err(|refusal| policy::bad_configuration(&refusal))?,
        None => PolicySource::standard(),
    };
    let endpoints = Endpoints {
        listen: args.listen,
        control: args.control.clone(),
    };
    let options = Options {
        endpoints: Some(endpoints),
        recording: None,
        journal: args.journal.clone(),
        duration: None,
        exclude: args.exclude.clone(),
        cache: Some(args.cache.clone()),
        interfaces: args.wire.choice(),
        policy,
    };
    live::run(options).map_err(failure::kernel_failure)?;
    Ok(ExitCode::SUCCESS)
}
