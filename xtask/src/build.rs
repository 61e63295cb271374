//! Builds the agent.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The repository.
pub fn workspace() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// The cargo that runs this task.
pub fn cargo() -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(workspace());
    command
}

/// Builds the agent as it is released and says where it is. Cargo speaks on standard error.
///
/// # Errors
///
/// When it does not build.
pub fn agent() -> Result<PathBuf> {
    let output = cargo()
        .args(["build", "--release", "--package", "wrongway"])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "the agent does not build: {}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(executable)
        .context("cargo built the agent but names no executable")
}

/// The agent's executable, if this message of cargo's announces it.
fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_agent = message["target"]["name"] == "wrongway";
    let path = message["executable"].as_str()?;
    is_agent.then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_among_cargos_messages() {
        let message =
            r#"{"reason":"compiler-artifact","target":{"name":"wrongway"},"executable":"/t/wrongway"}"#;
        assert_eq!(executable(message), Some(PathBuf::from("/t/wrongway")));
    }

    #[test]
    fn a_library_is_no_executable() {
        let message = r#"{"reason":"compiler-artifact","target":{"name":"wrongway"},"executable":null}"#;
        assert_eq!(executable(message), None);
    }
}
