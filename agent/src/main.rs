//! The `wrongway` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    wrongway::cli::main()
}
