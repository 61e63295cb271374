//! Set-up, demo, tests and benchmarks of Wrongway, each with all the set-up it needs.

pub mod bench;
pub mod build;
pub mod churn;
pub mod demo;
pub mod deploy;
pub mod endurance;
pub mod interrupt;
pub mod kernel_test;
pub mod matrix;
pub mod progress;
pub mod rig;
pub mod setup;
mod style;
pub mod suite;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// What `cargo xtask` can do.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
pub enum Command {
    /// Make this machine able to build Wrongway
    Setup,
    /// Watch Wrongway catch misdirected requests on a real Apache and a real nginx
    Demo(demo::Options),
    /// Run every test
    Test(suite::Options),
    /// Watch every program with every other and write down what was seen of each
    Programs(matrix::Options),
    /// Kill the agent under a load of short connections, and judge what it said
    Churn,
    /// Load one server for a long time, and compare what was seen with what was done
    Endurance(endurance::Options),
    /// Compare servers without an agent, with empty probes, and with Wrongway
    Bench(bench::Options),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    ///
    /// What went wrong, with the remedy.
    pub fn run(self) -> Result<ExitCode> {
        interrupt::watch()?;
        match self {
            Self::Setup => setup::run().map(|()| ExitCode::SUCCESS),
            Self::Demo(options) => demo::run(&options),
            Self::Test(options) => suite::run(&options),
            Self::Programs(options) => matrix::run(&options),
            Self::Churn => churn::run(),
            Self::Endurance(options) => endurance::run(&options),
            Self::Bench(options) => bench::run(&options),
        }
    }
}
