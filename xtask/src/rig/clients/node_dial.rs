//! Node as a client of both protocols, one request after the other.

use anyhow::Result;

use super::program::Job;
use super::script;
use crate::rig::family::executable_named;
use crate::rig::truth::Truth;

pub(super) fn dial(job: &Job<'_>) -> Result<Vec<Truth>> {
    let script = include_str!("node_dial.mjs");
    script::run(job, &executable_named("node")?, "node_dial.mjs", script)
}
