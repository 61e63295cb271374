//! Node's http2 client: many requests at once on one connection, its authority free to choose for each.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::rig::process::{Running, output_of};
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

const START: Duration = Duration::from_secs(10);
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

/// Starts a Node that does nothing. Where Node brings its own OpenSSL, the agent knows the executable from
/// then on, and the first request of the next Node does not race with its discovery.
///
/// # Errors
///
/// When Node cannot be started.
pub fn idle(scratch: &Scratch) -> Result<Running> {
    let mut command = Command::new("node");
    command.args(["--eval", "console.log(); setInterval(() => {}, 1_000_000)"]);
    let log = scratch.path().join("node.log");
    let mut node = Running::start("node", &mut command, &log)?;
    let printed = || std::fs::metadata(&log).is_ok_and(|log| log.len() > 0);
    node.wait_until(START, printed)?;
    Ok(node)
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
