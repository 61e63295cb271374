//! Installs servers without starting them.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::interrupt::{self, Leftover, Registration};

/// Debian's invoke-rc.d asks this program before it starts a service; 101 means no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// While it lives, packages start no services. A policy that is there already stays as it is.
pub(super) struct NoServices {
    /// `None`: the policy is not ours.
    ours: Option<Registration>,
}

impl NoServices {
    /// # Errors
    ///
    /// When the policy cannot be written.
    pub(super) fn new() -> Result<Self> {
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(POLICY);
        let mut file = match created {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Self { ours: None }),
            Err(error) => return Err(error).with_context(|| format!("cannot write {POLICY}")),
        };
        let ours = interrupt::register(Leftover::File(Path::new(POLICY).to_owned()));
        file.write_all(b"#!/bin/sh\nexit 101\n")
            .with_context(|| format!("cannot write {POLICY}"))?;
        Ok(Self { ours: Some(ours) })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours.is_some()
            && let Err(error) = fs::remove_file(POLICY)
        {
            eprintln!("setup: {POLICY} stays behind, remove it by hand: {error}");
        }
    }
}
