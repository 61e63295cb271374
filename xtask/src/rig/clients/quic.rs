//! curl with BoringSSL, in Python: HTTP/3 over QUIC, and HTTP/2 over TCP.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::program::PATIENCE;
use crate::rig::process::output_of;
use crate::rig::python::Python;
use crate::rig::scratch::Scratch;

const SCRIPT: &str = include_str!("quic.py");

/// One connection, with one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// Server name.
    pub sni: String,
    /// `tcp` or `quic`.
    pub transport: String,
}

/// A connection as the client knows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Made {
    /// What was asked for.
    #[serde(flatten)]
    pub visit: Visit,
    /// The client's process.
    pub pid: u32,
    /// Status of the answer.
    pub status: u16,
    /// Its own `address:port`.
    pub local: String,
}

/// Makes the connections to a port of 127.0.0.1, one after the other.
///
/// # Errors
///
/// When one of them fails, or uses another transport.
pub fn visit(scratch: &Scratch, python: &Python, port: u16, visits: &[Visit]) -> Result<Vec<Made>> {
    let script = scratch.write("quic.py", SCRIPT)?;
    let options = json!({"port": port, "visits": visits});
    let lines = output_of(
        Command::new("timeout")
            .arg(PATIENCE.as_secs().to_string())
            .arg(python.interpreter())
            .arg(&script)
            .arg(options.to_string()),
    )?;
    let made = lines
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("quic.py printed {line}")))
        .collect::<Result<Vec<Made>>>()?;
    let as_asked = made.iter().map(|made| &made.visit).eq(visits);
    ensure!(
        as_asked,
        "quic.py made other connections than it was asked for: {lines}"
    );
    Ok(made)
}
