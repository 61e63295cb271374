//! A directory for one run: configurations, certificates, sockets and logs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::interrupt::{self, Leftover, Registration};

/// A directory that goes when it is dropped, unless somebody wants to look into it.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
    _registration: Registration,
}

impl Scratch {
    /// Makes the directory. Others may read it: servers drop their privileges.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new(purpose: &str) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(&format!("wrongway-{purpose}-"))
            .tempdir()
            .context("cannot make a temporary directory")?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))
            .context("cannot open the temporary directory to servers")?;
        let registration = interrupt::register(Leftover::Directory(directory.path().to_owned()));
        Ok(Self {
            directory,
            _registration: registration,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file in it and says where.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path().join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Makes a directory in it and says where.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// Keeps the directory for a person to look into.
    pub fn keep(mut self) -> PathBuf {
        self.directory.disable_cleanup(true);
        self.path().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_directory_is_gone() {
        let scratch = Scratch::new("test").unwrap();
        let path = scratch.write("file", "content").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn a_kept_directory_stays() {
        let path = Scratch::new("test").unwrap().keep();
        assert!(path.is_dir());
        fs::remove_dir(path).unwrap();
    }
}
