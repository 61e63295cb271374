//! `wrongway doctor`: what this machine lets the agent see, and where its probes would go. The only process
//! that it attaches to is itself, to measure what a probe costs.

mod render;
mod report;
mod stripped;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use self::report::Report;
use super::failure::PROBLEM;

/// Arguments of `wrongway doctor`.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// Look at these libraries and programs, rather than at the kernel and all that runs. Needs no root.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Runs `wrongway doctor`.
///
/// # Errors
/// If a file cannot be examined, or the output not written.
pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let report = if args.files.is_empty() {
        Report::of_machine()
    } else {
        Report::of_files(&args.files)?
    };
    let mut out = io::stdout().lock();
    let printed = if args.json {
        report.lines().try_for_each(|line| {
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")
        })
    } else {
        out.write_all(render::text(&report).as_bytes())
    };
    printed.context("cannot print")?;
    Ok(if report.is_well() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(PROBLEM)
    })
}
