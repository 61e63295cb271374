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

/// Builds the agent as it is released, as a static binary, the only kind that runs from scratch, and says where it
/// is. Cargo speaks on standard error.
///
/// For musl where that target is installed, else for glibc, which from 2.34 on looks names up in files and DNS
/// without plug-ins.
///
/// # Errors
///
/// When it does not build.
pub fn agent() -> Result<PathBuf> {
    let host = format!("{}-unknown-linux", env::consts::ARCH);
    let musl = format!("{host}-musl");
    let target = if is_installed(&musl) {
        musl
    } else {
        format!("{host}-gnu")
    };
    // With a target of its own, the flags do not reach procedural macros, which cannot be static.
    let flags = format!(
        "CARGO_TARGET_{}_RUSTFLAGS",
        target.to_uppercase().replace('-', "_")
    );
    let output = cargo()
        .args(["build", "--release", "--package", "wrongway", "--bin", "wrongway"])
        .args(["--target", &target, "--message-format=json-render-diagnostics"])
        .env(flags, "-C target-feature=+crt-static")
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

fn is_installed(target: &str) -> bool {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
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
