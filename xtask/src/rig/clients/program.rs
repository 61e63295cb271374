//! Clients of many kinds behind one face: each makes the connections it is told to, as far as it can.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Version, curl, nghttp, node_dial, python, wrk};
use crate::rig::dial::Dial;
use crate::rig::python::Python;
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

/// Packages that the clients come from, beside Python's.
pub const PACKAGES: &[&str] = &["curl", "nghttp2-client", "nodejs", "wrk", "util-linux"];

/// A client that hangs is ended after this time.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// A client's program.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// What it is called.
    pub name: &'static str,
    /// What it speaks.
    pub versions: &'static [Version],
    /// Whether it can make this connection.
    can: fn(&Dial) -> bool,
    drive: fn(&Job<'_>) -> Result<Vec<Truth>>,
}

/// Connections to make.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// For scripts and configurations.
    pub scratch: &'a Scratch,
    /// For those that are written in it.
    pub python: &'a Python,
    /// Port of 127.0.0.1.
    pub port: u16,
    /// HTTP version of all.
    pub version: Version,
    /// One after the other.
    pub dials: &'a [Dial],
}

const BOTH: &[Version] = &[Version::Http1, Version::Http2];

/// Every program.
pub const PROGRAMS: &[Program] = &[
    program("curl", BOTH, |_| true, curl::dial),
    program("nghttp", &[Version::Http2], nghttp::can, nghttp::dial),
    program("requests", &[Version::Http1], |_| true, python::requests),
    program("httpx", BOTH, |_| true, python::httpx),
    program("httpx-async", BOTH, |_| true, python::httpx_async),
    program("node", BOTH, |_| true, node_dial::dial),
    program("wrk", &[Version::Http1], wrk::can, wrk::dial),
];

const fn program(
    name: &'static str,
    versions: &'static [Version],
    can: fn(&Dial) -> bool,
    drive: fn(&Job<'_>) -> Result<Vec<Truth>>,
) -> Program {
    Program {
        name,
        versions,
        can,
        drive,
    }
}

impl Program {
    /// Makes those of the connections that it can make, and says what it did.
    ///
    /// # Errors
    ///
    /// When it fails or leaves a request out.
    pub fn drive(&self, job: &Job<'_>) -> Result<Vec<Truth>> {
        let dials: Vec<Dial> = job
            .dials
            .iter()
            .filter(|dial| (self.can)(dial))
            .cloned()
            .collect();
        let job = Job {
            dials: &dials,
            ..*job
        };
        let mut truths = (self.drive)(&job)
            .with_context(|| format!("{} fails over {}", self.name, job.version.as_str()))?;
        for truth in &mut truths {
            self.name.clone_into(&mut truth.client);
        }
        Ok(truths)
    }
}
