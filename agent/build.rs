//! Builds the eBPF object that the agent embeds as `$OUT_DIR/wrongway-ebpf`.

use std::env;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use aya_build::Package;

#[path = "../xtask/src/setup/toolchain.rs"]
#[expect(
    unreachable_pub,
    reason = "shared with `cargo xtask setup`, where it is public"
)]
mod toolchain;

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        // One line: cargo prints it below a heading of its own.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<()> {
    let Some(chosen) = toolchain::choose() else {
        bail!("no toolchain here can build eBPF programs: run `cargo xtask setup`");
    };
    if toolchain::linker().is_none() {
        bail!("{} is not installed: run `cargo xtask setup`", toolchain::LINKER);
    }
    set_environment(chosen);

    // aya-build watches the sources; the lock file decides which aya-ebpf they are built with, the
    // workspace's manifest with which profile.
    println!("cargo:rerun-if-changed=../Cargo.lock");
    println!("cargo:rerun-if-changed=../Cargo.toml");
    let package = Package {
        name: "ebpf",
        root_dir: "../ebpf",
        no_default_features: true,
        features: &["kernel"],
    };
    aya_build::build_ebpf([package], aya_build::Toolchain::Custom(chosen.name()))
        .with_context(|| format!("eBPF programs do not build with {chosen}"))
}

/// Prepares what aya-build's cargo inherits.
fn set_environment(chosen: toolchain::Toolchain) {
    let path = toolchain::search_path();
    // SAFETY: the build script has no other thread yet.
    unsafe {
        env::set_var("PATH", path);
        // BTF is what `strip` would take from the object, and the agent's profile strips.
        env::set_var("CARGO_PROFILE_RELEASE_STRIP", "none");
        // aya-build turns each line of its cargo into a warning: keep those that are.
        env::set_var("CARGO_TERM_QUIET", "true");
        match chosen.bootstrap() {
            Some(crates) => env::set_var("RUSTC_BOOTSTRAP", crates),
            None => env::remove_var("RUSTC_BOOTSTRAP"),
        }
    }
}
