//! `wrongway judge`.

use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `wrongway judge`.
#[derive(Clone, Debug, clap::Args)]
pub struct JudgeArgs {
    /// File to read; standard input without it.
    pub file: Option<PathBuf>,
}

/// Runs the subcommand.
///
/// # Errors
/// Always: it is not built yet.
pub fn run(_args: &JudgeArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("'judge' is not built yet")
}
