//! The linker of the eBPF target, built from its released source.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::toolchain::{self, LINKER, LINKER_LLVM};
use super::{ELSEWHERE, llvm_programs, say};

const VERSION: &str = "0.13.0";

/// What it is built with: the LLVM of [`LINKER_LLVM`], and a C++ compiler to link with it.
pub(super) const PACKAGES: &[&str] = &["llvm-22-dev", "g++"];

/// Builds and installs the linker; a minute or so.
pub(super) fn install() -> Result<PathBuf> {
    let feature = format!("llvm-{LINKER_LLVM}");
    let arguments = [
        "install",
        LINKER,
        "--version",
        VERSION,
        "--locked",
        "--no-default-features",
        "--features",
        &feature,
    ];
    say(&format!("running: cargo {}", arguments.join(" ")));
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
        .args(arguments)
        .env("PATH", path_with_llvm()?)
        .status()
        .context("cannot run cargo")?;
    ensure!(
        status.success(),
        "{LINKER} {VERSION} does not build: {status}\n{ELSEWHERE}"
    );
    toolchain::linker().with_context(|| {
        format!("{LINKER} was installed but is not on PATH: add cargo's `bin` directory to it")
    })
}

fn path_with_llvm() -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = std::iter::once(PathBuf::from(llvm_programs())).chain(env::split_paths(&path));
    env::join_paths(directories).context("PATH cannot be extended")
}
