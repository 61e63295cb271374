//! `cargo xtask setup`: makes a Debian 12 machine able to build and test Wrongway.
//!
//! Every other task begins with it. What is there already is left alone.

mod linker;
mod packages;
mod services;
pub mod toolchain;

pub use packages::require_packages;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use self::toolchain::{LINKER_LLVM, Toolchain};

/// Debian's compiler with a `core` for the eBPF target.
const COMPILER_PACKAGES: &[&str] = &["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"];

/// What a machine without apt needs.
const ELSEWHERE: &str = "\
install instead:
  rustup toolchain install nightly --component rust-src
  LLVM 22 with its development files, from your distribution or https://apt.llvm.org
  PATH=<LLVM 22>/bin:$PATH cargo install bpf-linker --version 0.13.0 --locked --no-default-features --features llvm-22";

/// Installs what is missing and says what it does, step by step.
///
/// # Errors
///
/// When something is missing that cannot be installed; the message says what to install by hand.
pub fn run() -> Result<()> {
    let toolchain = toolchain::choose();
    let linker = toolchain::linker();
    let mut packages = Vec::new();
    if toolchain.is_none() {
        say("no toolchain for eBPF yet: neither nightly with rust-src nor Debian's compiler");
        packages.extend(COMPILER_PACKAGES);
    }
    if linker.is_none() {
        say(&format!("{} is not installed yet", toolchain::LINKER));
        packages.extend(linker::PACKAGES);
    }
    require_packages(&packages)?;
    let toolchain = toolchain.map_or_else(link_toolchain, Ok)?;
    say(&format!("eBPF programs are built with {toolchain}"));
    let linker = linker.map_or_else(linker::install, Ok)?;
    say(&format!("and linked with {}", linker.display()));
    Ok(())
}

/// Says what is being done.
fn say(message: &str) {
    eprintln!("setup: {message}");
}

/// Makes Debian's compiler known to rustup.
fn link_toolchain() -> Result<Toolchain> {
    say("running: rustup toolchain link debian /usr");
    let linked = Command::new("rustup")
        .args(["toolchain", "link", Toolchain::Debian.name(), "/usr"])
        .status()
        .context("rustup is missing: install it from https://rustup.rs")?;
    ensure!(
        linked.success(),
        "`rustup toolchain link debian /usr` failed: {linked}"
    );
    match toolchain::choose() {
        Some(toolchain) => Ok(toolchain),
        None => bail!(
            "Debian's compiler is installed but cannot build for bpfel-unknown-none; is \
             libstd-rust-web-dev-bpf of the same version as rustc-web?"
        ),
    }
}

/// Where Debian keeps the programs of the LLVM that the linker is built with.
fn llvm_programs() -> String {
    format!("/usr/lib/llvm-{LINKER_LLVM}/bin")
}

/// Whether the effective user may install packages.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn has_apt() -> bool {
    Path::new("/usr/bin/apt-get").is_file()
}
