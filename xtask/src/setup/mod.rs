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
    let toolchain = match toolchain::choose() {
        Some(toolchain) => toolchain,
        None => install_toolchain()?,
    };
    say(&format!("eBPF programs are built with {toolchain}"));
    let linker = match toolchain::linker() {
        Some(linker) => linker,
        None => linker::install()?,
    };
    say(&format!("and linked with {}", linker.display()));
    Ok(())
}

/// Says what is being done.
fn say(message: &str) {
    eprintln!("setup: {message}");
}

fn install_toolchain() -> Result<Toolchain> {
    say("no toolchain for eBPF yet: neither nightly with rust-src nor Debian's compiler");
    require_packages(COMPILER_PACKAGES)?;
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
