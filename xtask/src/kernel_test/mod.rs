//! Tests of the released agent in the kernel: real servers, real clients, and what the clients know.

mod check;
mod churn;
mod command_line;
mod departure;
mod deployment;
mod discovery;
mod finder;
mod framing;
mod http3;
mod journal;
mod late;
mod lifecycle;
mod matrix;
mod probe;
mod programs;
mod restart;
mod scenarios;
mod stripped;
mod trial;
mod tunnel;
mod upgrade;
mod wire;
mod world;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::rig::agent::{Agent, Start};
use crate::rig::scratch::Scratch;

/// Packages that these tests need, beside those of the [matrix](crate::matrix::packages).
pub const PACKAGES: &[&str] = &[
    "nginx",
    "apache2",
    "curl",
    "nodejs",
    "python3",
    "gcc",
    "iproute2",
    "libc6-dev",
    "libssl-dev",
    "bpftool",
    "prometheus",
    "prometheus-alertmanager",
    "buildah",
    "podman",
    "crun",
    "conmon",
    "util-linux",
];

/// One test.
#[derive(Clone, Copy)]
pub struct Case {
    /// What it shows, as `group::name`.
    pub name: &'static str,
    /// Whether it needs an agent that can observe here.
    pub observes: bool,
    /// Runs it. What it returns is shown beside its name.
    pub run: fn(&Setting) -> Result<String>,
}

/// What every test works with.
#[derive(Debug)]
pub struct Setting {
    /// The released agent.
    pub binary: PathBuf,
    /// The test's own directory. It is kept if the test fails.
    pub scratch: Scratch,
}

/// Every test, in the order they run.
pub fn cases() -> Vec<Case> {
    [
        command_line::CASES,
        check::CASES,
        finder::CASES,
        probe::CASES,
        matrix::CASES,
        programs::CASES,
        stripped::CASES,
        trial::CASES,
        http3::CASES,
        framing::CASES,
        late::CASES,
        upgrade::CASES,
        discovery::CASES,
        departure::CASES,
        churn::CASES,
        restart::CASES,
        lifecycle::CASES,
        tunnel::CASES,
        wire::CASES,
        journal::CASES,
        scenarios::CASES,
        deployment::CASES,
    ]
    .concat()
}

/// Why the agent cannot observe here; `None`: it can.
///
/// # Errors
///
/// When the agent fails in another way, as for a program that the kernel refuses though the machine lacks nothing.
pub fn obstacle(binary: &Path) -> Result<Option<String>> {
    let scratch = Scratch::new("probe")?;
    Ok(match Agent::start(binary, &scratch)? {
        Start::Ready(_) => None,
        Start::Unsupported(reason) => Some(reason),
    })
}
