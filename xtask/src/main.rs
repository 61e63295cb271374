//! `cargo xtask`: set-up, demo, tests and benchmarks of Wrongway.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let command = xtask::Command::parse();
    match command.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
