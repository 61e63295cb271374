//! Which Rust toolchain builds the eBPF object, and whether everything that the build needs is there.
//!
//! The agent's build script includes this file, so it uses the standard library alone.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target of the eBPF programs on a little-endian host.
const BPF_TARGET: &str = "bpfel-unknown-none";

/// The linker of the eBPF target.
pub const LINKER: &str = "bpf-linker";

/// Major version of the LLVM that `cargo xtask setup` builds the linker with. It reads bitcode of its own
/// and of older versions, never of newer ones.
pub const LINKER_LLVM: u32 = 22;

/// A toolchain that can build for the eBPF target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// rustup's `nightly` with the component `rust-src`: `core` is built from source.
    Nightly,
    /// Debian's compiler, linked into rustup as `debian`: `core` comes prebuilt, and the unstable features
    /// that `aya_ebpf` needs are allowed to that crate alone.
    Debian,
}

impl Toolchain {
    /// Its name in rustup.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nightly => "nightly",
            Self::Debian => "debian",
        }
    }

    /// The value `RUSTC_BOOTSTRAP` must have while it builds; `None`: not set.
    pub const fn bootstrap(self) -> Option<&'static str> {
        match self {
            Self::Nightly => None,
            Self::Debian => Some("aya_ebpf"),
        }
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nightly => formatter.write_str("rustup's nightly with rust-src"),
            Self::Debian => formatter.write_str("Debian's compiler, linked into rustup as `debian`"),
        }
    }
}

/// The toolchain to build with: nightly where it can, else Debian's; `None` where neither can.
pub fn choose() -> Option<Toolchain> {
    if nightly_is_ready() {
        Some(Toolchain::Nightly)
    } else if debian_is_ready() {
        Some(Toolchain::Debian)
    } else {
        None
    }
}

/// Where the linker is: on `PATH` or among cargo's own programs.
pub fn linker() -> Option<PathBuf> {
    env::split_paths(&search_path())
        .map(|directory| directory.join(LINKER))
        .find(|path| path.is_file())
}

/// `PATH` with the directory of cargo's installed programs appended: a shell that never sourced cargo's
/// environment still finds the linker.
pub fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = env::split_paths(&path).collect();
    directories.extend(cargo_programs());
    env::join_paths(directories).unwrap_or(path)
}

fn cargo_programs() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    home.map(|home| home.join("bin"))
}

fn nightly_is_ready() -> bool {
    let Some(sysroot) = sysroot(Toolchain::Nightly) else {
        return false;
    };
    sysroot.join("lib/rustlib/src/rust/library/core").is_dir()
        && llvm_version(Toolchain::Nightly).is_some_and(|version| version <= LINKER_LLVM)
}

fn debian_is_ready() -> bool {
    sysroot(Toolchain::Debian).is_some_and(|root| root.join("lib/rustlib").join(BPF_TARGET).is_dir())
}

fn sysroot(toolchain: Toolchain) -> Option<PathBuf> {
    let path = rustc(toolchain, &["--print", "sysroot"])?;
    Some(PathBuf::from(path.trim_end()))
}

fn llvm_version(toolchain: Toolchain) -> Option<u32> {
    major_llvm_version(&rustc(toolchain, &["-vV"])?)
}

/// Finds the number in `LLVM version: 22.1.8`, a line of `rustc -vV`.
fn major_llvm_version(verbose: &str) -> Option<u32> {
    let version = verbose
        .lines()
        .find_map(|line| line.strip_prefix("LLVM version: "))?;
    version.split('.').next()?.parse().ok()
}

/// What the toolchain's compiler prints; `None` without rustup or without that toolchain.
fn rustc(toolchain: Toolchain, arguments: &[&str]) -> Option<String> {
    let output = Command::new("rustup")
        .args(["run", toolchain.name(), "rustc"])
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_llvm_version_is_the_major_number() {
        let verbose = "rustc 1.96.0\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        assert_eq!(major_llvm_version(verbose), Some(22));
    }

    #[test]
    fn a_compiler_without_llvm_has_no_version() {
        assert_eq!(major_llvm_version("rustc 1.96.0\n"), None);
    }

    #[test]
    fn cargos_programs_come_last_on_the_path() {
        let path = search_path();
        let last = env::split_paths(&path).last().unwrap();
        assert!(last.ends_with("bin"), "{}", last.display());
    }
}
