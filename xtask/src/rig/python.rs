//! Python with the servers and clients that are written in it, at the versions they are tested with.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::process::output_of;
use crate::build::workspace;

/// Package that brings `python3 -m venv` on Debian.
pub const PACKAGE: &str = "python3-venv";

/// Everything that is installed, dependencies included, so that each run installs the same.
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// Lies in an environment that is whole.
const COMPLETE: &str = "complete";

/// A virtual environment with everything in it.
#[derive(Clone, Debug)]
pub struct Python {
    directory: PathBuf,
}

impl Python {
    /// Makes the environment below `target/` if it is not there yet. That takes a package index, once.
    ///
    /// # Errors
    ///
    /// When Python cannot make it, or packages cannot be installed.
    pub fn ready() -> Result<Self> {
        let directory = workspace().join("target").join(name(REQUIREMENTS));
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        // Another task may be making the same.
        let lock = File::create(directory.with_extension("lock")).context("cannot make a lock file")?;
        lock.lock().context("cannot lock the Python environment")?;
        let python = Self { directory };
        if !python.directory.join(COMPLETE).is_file() {
            python.install().with_context(|| {
                format!(
                    "the Python environment in {} is not whole",
                    python.directory.display()
                )
            })?;
        }
        Ok(python)
    }

    /// The interpreter, which finds the packages.
    pub fn interpreter(&self) -> PathBuf {
        self.program("python")
    }

    /// A program that a package brought.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }

    /// A file that a package brought, named as its packages name it.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        let libraries = self.directory.join("lib");
        let versions =
            fs::read_dir(&libraries).with_context(|| format!("cannot read {}", libraries.display()))?;
        versions
            .flatten()
            .map(|version| version.path().join("site-packages").join(name))
            .find(|path| path.is_file())
            .with_context(|| format!("no package in {} brought {name}", libraries.display()))
    }

    fn install(&self) -> Result<()> {
        eprintln!(
            "setup: installing Python packages into {}",
            self.directory.display()
        );
        let requirements = self.directory.join("requirements.txt");
        output_of(
            Command::new(system_python())
                .args(["-m", "venv", "--clear"])
                .arg(&self.directory),
        )
        .with_context(|| format!("cannot make a virtual environment; Debian's package is {PACKAGE}"))?;
        fs::write(&requirements, REQUIREMENTS)?;
        output_of(
            Command::new(self.interpreter())
                .args(["-m", "pip", "install", "--quiet", "--no-deps", "--requirement"])
                .arg(&requirements),
        )?;
        fs::write(self.directory.join(COMPLETE), "")?;
        Ok(())
    }
}

/// The distribution's Python: its TLS library is the one that other programs use.
fn system_python() -> &'static Path {
    let system = Path::new("/usr/bin/python3");
    if system.is_file() {
        system
    } else {
        Path::new("python3")
    }
}

/// A directory for each list of requirements.
fn name(requirements: &str) -> String {
    let mut hasher = DefaultHasher::new();
    requirements.hash(&mut hasher);
    format!("python-{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned() {
        for line in REQUIREMENTS.lines() {
            assert!(line.contains("=="), "{line}");
        }
    }

    #[test]
    fn other_requirements_have_another_place() {
        assert_ne!(name("h2==4.4.1"), name("h2==4.4.2"));
    }
}
