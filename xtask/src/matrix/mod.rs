//! Real programs, each with each: what Wrongway sees of them, beside what they did.

pub mod plan;
pub mod report;
pub mod watch;

pub use watch::{Size, watch};

use anyhow::Result;

use crate::rig::python::Python;
use crate::rig::scratch::Scratch;
use crate::rig::servers::Server;
use crate::rig::{clients, python, servers};

/// Packages that the programs come from.
pub fn packages() -> Vec<&'static str> {
    let mut packages = vec![python::PACKAGE];
    packages.extend(servers::PACKAGES);
    packages.extend(clients::program::PACKAGES);
    packages
}

/// Starts every server.
///
/// # Errors
///
/// When one cannot be started.
pub fn start_servers(scratch: &Scratch, python: &Python) -> Result<Vec<Server>> {
    servers::PROGRAMS
        .iter()
        .map(|program| program.start(scratch, python))
        .collect()
}
