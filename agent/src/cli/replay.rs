//! `wrongway replay`.

use std::process::ExitCode;

use super::args::ReplayArgs;

/// Runs the subcommand.
///
/// # Errors
/// Always: it is not built yet.
pub fn run(_args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("'replay' is not built yet")
}
