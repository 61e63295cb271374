//! Node's http2 client: many requests at once on one connection, its authority free to choose for each.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::rig::process::output_of;
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

const SCRIPT: &str = include_str!("http2.mjs");

/// What Node's client shall do on one connection.
#[derive(Clone, Debug)]
pub struct Load<'a> {
    /// Port of 127.0.0.1.
    pub port: u16,
    /// Server name; `None`: none is sent.
    pub sni: Option<&'a str>,
    /// Authorities asked for in turn.
    pub authorities: &'a [&'a str],
    /// Paths asked for in turn.
    pub paths: &'a [&'a str],
    /// How many requests.
    pub requests: usize,
    /// How many of them at once.
    pub concurrency: usize,
}

/// Makes the requests.
///
/// # Errors
///
/// When Node fails or leaves a request out.
pub fn load(scratch: &Scratch, load: &Load<'_>) -> Result<Vec<Truth>> {
    let script = scratch.write("http2.mjs", SCRIPT)?;
    let options = json!({
        "port": load.port,
        "sni": load.sni,
        "authorities": load.authorities,
        "paths": load.paths,
        "requests": load.requests,
        "concurrency": load.concurrency,
    });
    let lines = output_of(Command::new("node").arg(&script).arg(options.to_string()))?;
    let truths = lines
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("node printed {line}")))
        .collect::<Result<Vec<Truth>>>()?;
    ensure!(
        truths.len() == load.requests,
        "node made {} requests of {}",
        truths.len(),
        load.requests
    );
    Ok(truths)
}
