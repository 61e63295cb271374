//! `cargo xtask demo`: Wrongway catches misdirected requests on a real Apache and a real nginx.

mod live;
mod recording;
mod scenario;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::progress::Progress;
use crate::rig::compare::{Comparison, compare};
use crate::rig::exchange::Exchange;
use crate::rig::truth::Truth;
use crate::{build, setup};

const PACKAGES: &[&str] = &["nginx", "apache2", "curl", "nodejs"];

/// How to show it.
#[derive(Debug, Args)]
pub struct Options {
    /// Show the recording of the repository, whatever this machine can do
    #[arg(long, conflicts_with = "write_recording")]
    replay: bool,
    /// Record what happens into a file, and what the clients did into another beside it
    #[arg(long, value_name = "FILE")]
    write_recording: Option<PathBuf>,
}

/// What was seen, and what the clients know they did.
struct Show {
    exchanges: Vec<Exchange>,
    truths: Vec<Truth>,
    /// Ports of the servers.
    ports: Vec<u16>,
}

/// What came of watching real servers.
enum Live {
    Seen(Show),
    /// Servers or eBPF cannot run here; why.
    Unsupported(String),
}

/// Shows it. Success means that every request was seen right on both sides.
///
/// # Errors
///
/// When servers, clients or the agent cannot be run.
pub fn run(options: &Options) -> Result<ExitCode> {
    setup::run()?;
    let binary = build::agent()?;
    let progress = Progress::new();
    let show = if options.replay {
        recording::replay(&binary)?
    } else {
        match live(&binary, options, &progress)? {
            Live::Seen(show) => show,
            Live::Unsupported(reason) => {
                progress.say(&format!("this cannot be watched here: {reason}"));
                progress.say("showing a recording instead, which this demo made on another machine");
                recording::replay(&binary)?
            }
        }
    };
    let elapsed = progress.elapsed();
    drop(progress);

    let comparison = compare(&show.truths, &show.exchanges, &show.ports);
    table::print(&show);
    report(&comparison, &show, elapsed.as_secs_f64());
    Ok(if comparison.is_perfect() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn live(binary: &Path, options: &Options, progress: &Progress) -> Result<Live> {
    match setup::require_packages(PACKAGES) {
        Ok(()) => live::watch(binary, options.write_recording.as_deref(), progress),
        Err(error) => Ok(Live::Unsupported(format!("{error:#}"))),
    }
}

fn report(comparison: &Comparison, show: &Show, seconds: f64) {
    let requests = show.truths.len();
    for complaint in &comparison.complaints {
        println!("  {complaint}");
    }
    println!(
        "{} of {} exchanges as the clients know them: each of {requests} requests once on the server's side \
         and once on the client's ({seconds:.1} s)",
        comparison.right, comparison.expected
    );
    let right = requests_right(comparison);
    println!("{right} of {requests} requests right");
}

/// Requests with both sides right, at the least.
fn requests_right(comparison: &Comparison) -> usize {
    let requests = comparison.expected / 2;
    let flawed = comparison.expected - comparison.right + comparison.surplus;
    requests.saturating_sub(flawed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flaw_spoils_one_request() {
        let comparison = Comparison {
            expected: 20,
            right: 19,
            ..Comparison::default()
        };
        assert_eq!(requests_right(&comparison), 9);
    }
}
