//! A file system that is soon full.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::process::output_of;
use super::scratch::Scratch;
use crate::interrupt::{self, Leftover, Registration};

/// A tmpfs. It is unmounted when it is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
    _registration: Registration,
}

impl SmallDisk {
    /// Mounts one of so many KiB.
    ///
    /// # Errors
    ///
    /// When this process may not mount.
    pub fn new(scratch: &Scratch, kibibytes: u32) -> Result<Self> {
        let path = scratch.directory("small-disk")?;
        let size = format!("size={kibibytes}k");
        output_of(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &size, "none"])
                .arg(&path),
        )?;
        let registration = interrupt::register(Leftover::Mount(path.clone()));
        Ok(Self {
            path,
            _registration: registration,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fills it.
    ///
    /// # Errors
    ///
    /// When it cannot be written for another reason than that it is full.
    pub fn fill(&self) -> Result<()> {
        let mut ballast = File::create(self.ballast()).context("cannot write on the small disk")?;
        loop {
            match ballast.write_all(&[0; 4096]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => bail!("cannot fill the small disk: {error}"),
            }
        }
    }

    /// Takes out what [`SmallDisk::fill`] put in.
    ///
    /// # Errors
    ///
    /// When it was not filled.
    pub fn make_room(&self) -> Result<()> {
        fs::remove_file(self.ballast()).context("cannot make room on the small disk")
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Err(error) = output_of(Command::new("umount").arg("--lazy").arg(&self.path)) {
            eprintln!("{} stays mounted: {error:#}", self.path.display());
        }
    }
}
