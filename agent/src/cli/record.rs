//! `wrongway record`.

use std::fs::OpenOptions;
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::ExitCode;
use std::time::Duration;

use super::args::RecordArgs;
use super::failure::{self, Failure};
use super::logging;
use crate::live::{self, Options, PolicySource};

/// Observes this machine and writes down what the observer is fed.
///
/// # Errors
/// Returns what keeps it from starting, or the error of writing the file.
pub fn run(args: &RecordArgs) -> anyhow::Result<ExitCode> {
    logging::start()?;
    crate::kernel::check().map_err(|missing| Failure::unavailable(missing.to_string()))?;
    // Heads of requests stand in it as they were sent, credentials among them: for its owner alone.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&args.file);
    let file = file.map_err(|error| {
        Failure::configuration(format!(
            "cannot create {}: {error}; name a file that does not exist",
            args.file.display()
        ))
    })?;
    let options = Options {
        endpoints: None,
        journal: None,
        exclude: Vec::new(),
        cache: None,
        recording: Some(Box::new(BufWriter::new(file))),
        duration: args.duration.map(Duration::from_secs),
        interfaces: args.wire.choice(),
        policy: PolicySource::standard(),
    };
    live::run(options).map_err(failure::kernel_failure)?;
    Ok(ExitCode::SUCCESS)
}
