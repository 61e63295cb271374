//! Running the programs that the tests are made of.

use std::io::ErrorKind;
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

/// Runs `command` to its end and returns what it printed on standard output.
///
/// # Errors
/// The program is not installed, or it ends with anything but 0: then the error carries all it printed.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let Output {
        status,
        stdout,
        stderr,
    } = match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("{name} is not installed: run `cargo xtask setup`")
        }
        result => result.with_context(|| format!("cannot start {name}"))?,
    };
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    if !status.success() {
        bail!(
            "{command:?} ended with {status}\n{stdout}{}",
            String::from_utf8_lossy(&stderr)
        );
    }
    Ok(stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_carries_what_the_program_said() {
        let error = output(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("exit status: 3") && message.contains("out\nerr"),
            "{message}"
        );
    }

    #[test]
    fn a_missing_program_names_the_remedy() {
        let error = output(&mut Command::new("wrongway-no-such-program")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "wrongway-no-such-program is not installed: run `cargo xtask setup`"
        );
    }
}
