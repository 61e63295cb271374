//! `wrongway record`.

use std::process::ExitCode;

use super::args::RecordArgs;

/// Runs the subcommand.
///
/// # Errors
/// Always: it is not built yet.
pub fn run(_args: &RecordArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("'record' is not built yet")
}
