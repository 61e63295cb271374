//! Real programs, each with each: what Wrongway sees of them, beside what they did.

pub mod plan;
pub mod watch;

pub use watch::{Size, watch};

use crate::rig::{clients, python, servers};

/// Packages that the programs come from.
pub fn packages() -> Vec<&'static str> {
    let mut packages = vec![python::PACKAGE];
    packages.extend(servers::PACKAGES);
    packages.extend(clients::program::PACKAGES);
    packages
}
