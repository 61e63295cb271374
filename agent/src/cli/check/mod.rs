//! `wrongway check`: one server, asked; what it answered, what is wrong, and what helps.

mod args;
mod json;
mod progress;
mod render;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::error::ErrorKind;

pub use self::args::CheckArgs;
use self::progress::Display;
use crate::check::{Error, Report, check};

/// Exit code of a wrong command line.
const USAGE: u8 = 2;

/// Asks the server and prints what was found out.
///
/// # Errors
/// If the server cannot be reached, or the output not written.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let mut display = Display::new();
    let options = args.options();
    let checked = runtime.block_on(check(&args.target, &options, &mut |progress| {
        display.show(&progress);
    }));
    display.clear();
    // A look-up that hangs is not waited for.
    runtime.shutdown_background();
    let report = match checked {
        Ok(report) => report,
        Err(Error::TooMany(error)) => {
            // With standard error closed there is nobody left to tell.
            let _ = clap::Error::raw(ErrorKind::TooManyValues, format!("{error}\n")).print();
            return Ok(ExitCode::from(USAGE));
        }
        Err(error) => return Err(error.into()),
    };
    print(args, &report).context("cannot print")?;
    Ok(if report.is_problem() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn print(args: &CheckArgs, report: &Report) -> anyhow::Result<()> {
    let lines = if args.json {
        json::lines(&args.target, report)?
    } else {
        render::lines(&args.target, report)
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}
