//! Node's http2 client with a script: which request goes on which connection, and what follows a 421.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::json;

use crate::rig::certificate::Certificate;
use crate::rig::process::output_of;
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

const SCRIPT: &str = include_str!("scripted.mjs");

/// One request of a script.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Request<'a> {
    /// Stands for the connection: the same each time.
    pub connection: &'a str,
    /// Server name that the connection is made for.
    pub sni: &'a str,
    /// Authority to ask for; with `CONNECT` the tunnel's target.
    pub authority: &'a str,
    /// Request method.
    pub method: &'a str,
}

impl<'a> Request<'a> {
    /// A `GET`.
    pub const fn new(connection: &'a str, sni: &'a str, authority: &'a str) -> Self {
        Self {
            connection,
            sni,
            authority,
            method: "GET",
        }
    }
}

/// What follows a 421.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Again {
    /// How often it asks again, at most.
    pub tries: usize,
    /// `fresh`: each time on a connection of its own; `same`: where it asked before.
    pub connection: &'static str,
    /// Whom fresh connections are made for: `own` for the authority, `same` for the name of the one before.
    pub sni: &'static str,
}

impl Again {
    /// The one retry that RFC 9110, section 15.5.20, allows.
    pub const RIGHT: Self = Self {
        tries: 1,
        connection: "fresh",
        sni: "own",
    };
}

/// A process of Node's, which ends with its script.
#[derive(Clone, Copy, Debug)]
pub struct Script<'a> {
    /// Port of 127.0.0.1.
    pub port: u16,
    /// In this order, one after the other.
    pub requests: &'a [Request<'a>],
    /// What follows a 421; `None`: nothing.
    pub again: Option<Again>,
    /// Certificate that it shows where it is asked for one.
    pub certificate: Option<&'a Certificate>,
}

impl Script<'_> {
    /// Makes the requests.
    ///
    /// # Errors
    ///
    /// When one of them is not answered.
    pub fn play(&self, scratch: &Scratch) -> Result<Vec<Truth>> {
        let script = scratch.write("scripted.mjs", SCRIPT)?;
        let certificate = self
            .certificate
            .map(|certificate| [&certificate.certificate, &certificate.key]);
        let options = json!({
            "port": self.port,
            "requests": self.requests,
            "again": self.again,
            "certificate": certificate,
        });
        let lines = output_of(
            Command::new("timeout")
                .args(["30", "node"])
                .arg(&script)
                .arg(options.to_string()),
        )?;
        let truths = lines
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("node printed {line}")))
            .collect::<Result<Vec<Truth>>>()?;
        ensure!(
            truths.len() >= self.requests.len(),
            "node made {} requests of {}",
            truths.len(),
            self.requests.len()
        );
        Ok(truths)
    }
}
