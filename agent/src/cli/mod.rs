//! The command line: one file per subcommand, wired together here.

pub mod args;
pub mod bench_emulation;
pub mod bench_probes;
pub mod bench_wire;
pub mod check;
pub mod doctor;
pub mod failure;
pub mod inspect;
pub mod judge;
pub mod logging;
pub mod policy;
pub mod record;
pub mod replay;
pub mod run;
pub mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::args::{RecordArgs, ReplayArgs, RunArgs};
use self::bench_probes::BenchProbesArgs;
use self::bench_wire::BenchWireArgs;
use self::check::CheckArgs;
use self::doctor::DoctorArgs;
use self::inspect::{ExplainArgs, InspectArgs};
use self::judge::JudgeArgs;
use self::policy::PolicyArgs;

/// Exit codes, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   found a problem, or failed
  2   usage
  64  bad configuration
  69  a kernel feature or a privilege is missing
  70  nothing is missing, and yet the kernel refused a program or a map: a bug";

/// Which HTTP requests arrived on a TLS connection made for somebody else, and what the server did about it.
#[derive(Debug, Parser)]
#[command(name = "wrongway", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch this machine until interrupted.
    Run(RunArgs),
    /// Show what a running agent knows.
    Inspect(InspectArgs),
    /// Tell the story of one exchange: what happened, what it means, what to change.
    Explain(ExplainArgs),
    /// Judge facts, one JSON object a line, without a kernel.
    Judge(JudgeArgs),
    /// Ask one server how it answers to names, without an agent or root.
    Check(CheckArgs),
    /// Watch this machine and write the kernel's records into a file.
    Record(RecordArgs),
    /// Judge what a recording holds.
    Replay(ReplayArgs),
    /// Tell what this machine lets the agent see, and where its probes would go.
    Doctor(DoctorArgs),
    /// Check a policy file, or show one with everything in it.
    Policy(PolicyArgs),
    #[command(hide = true)]
    BenchEmulation,
    #[command(hide = true)]
    BenchProbes(BenchProbesArgs),
    #[command(hide = true)]
    BenchWire(BenchWireArgs),
}

/// Parses the arguments, runs the subcommand, and turns an error into one line and an exit code.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Explain(args) => inspect::explain(&args),
        Command::Judge(args) => judge::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Policy(args) => policy::run(&args),
        Command::BenchEmulation => bench_emulation::run(),
        Command::BenchProbes(args) => bench_probes::run(&args),
        Command::BenchWire(args) => bench_wire::run(&args),
    };
    done.unwrap_or_else(|error| failure::report(&error))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
