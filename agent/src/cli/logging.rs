//! Logs of the subcommands that watch: on standard error, filtered by `WRONGWAY_LOG`.

use std::env::{self, VarError};
use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use super::failure::Failure;

/// Environment variable with the filter, such as `debug` or `wrongway::kernel=trace,info`.
pub const VARIABLE: &str = "WRONGWAY_LOG";

/// Starts logging, at level INFO unless the environment says otherwise.
///
/// # Errors
/// If the filter does not parse (exit code 64).
///
/// # Panics
/// If logging was started before.
pub fn start() -> anyhow::Result<()> {
    let filter = match env::var(VARIABLE) {
        Ok(text) => parse(&text)?,
        Err(VarError::NotPresent) => parse("info")?,
        Err(VarError::NotUnicode(text)) => return Err(invalid(&text.to_string_lossy()).into()),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    Ok(())
}

fn parse(text: &str) -> Result<EnvFilter, Failure> {
    EnvFilter::builder().parse(text).map_err(|_| invalid(text))
}

fn invalid(text: &str) -> Failure {
    Failure::configuration(format!(
        "{VARIABLE}={text:?} is not a log filter; give a level such as debug, or wrongway=debug,info"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_checked() {
        assert!(parse("wrongway::kernel=trace,info").is_ok());
        let failure = parse("wrongway=loud").unwrap_err();
        assert!(
            failure
                .to_string()
                .starts_with("WRONGWAY_LOG=\"wrongway=loud\" is not a log filter")
        );
    }
}
