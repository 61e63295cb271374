//! `wrongway run`.

use std::process::ExitCode;

use super::args::RunArgs;

/// Runs the subcommand.
///
/// # Errors
/// Always: it is not built yet.
pub fn run(_args: &RunArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("'run' is not built yet")
}
