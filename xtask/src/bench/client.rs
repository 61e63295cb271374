//! The TLS library of the load generator.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::rig::library::libssl_of;
use crate::rig::scratch::Scratch;

/// The load generator.
const CLIENT: &str = "/usr/bin/h2load";

/// A TLS library that only the load generator uses. What is measured is what the server pays; with one library for both,
/// the load generator would pay as well, and could not keep the server busy.
pub(super) struct ClientLibrary {
    /// Where it is.
    pub(super) directory: PathBuf,
    /// The library itself.
    pub(super) file: PathBuf,
}

impl ClientLibrary {
    /// Copies the one that it is linked with.
    ///
    /// # Errors
    ///
    /// When it is linked with none, or that cannot be copied.
    pub(super) fn copy(scratch: &Scratch) -> Result<Self> {
        let directory = scratch.directory("client-library")?;
        let original = libssl_of(Path::new(CLIENT))?;
        let name = original.file_name().context("a library without a name")?;
        let file = directory.join(name);
        std::fs::copy(&original, &file).with_context(|| format!("cannot copy {}", original.display()))?;
        Ok(Self { directory, file })
    }
}
