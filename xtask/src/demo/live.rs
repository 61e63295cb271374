//! Real servers, a real agent, real clients.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::scenario::{self, ADMIN, WWW};
use super::{Live, Show, recording};
use crate::progress::Progress;
use crate::rig::agent::{Agent, Start};
use crate::rig::apache::{Apache, Site};
use crate::rig::certificate::Authority;
use crate::rig::clients::node;
use crate::rig::compare::expected;
use crate::rig::nginx::{self, Nginx};
use crate::rig::scratch::Scratch;

/// Starts everything, drives the clients, and ends everything again.
///
/// # Errors
///
/// When a server, the agent or a client cannot be run. Logs are kept then, and the message says where.
pub(super) fn watch(binary: &Path, record: Option<&Path>, progress: &Progress) -> Result<Live> {
    let scratch = Scratch::new("demo")?;
    match play(binary, record, progress, &scratch) {
        Ok(live) => Ok(live),
        Err(error) => {
            let kept = scratch.keep();
            Err(error)
                .with_context(|| format!("the demo failed; configurations and logs: {}", kept.display()))
        }
    }
}

fn play(binary: &Path, record: Option<&Path>, progress: &Progress, scratch: &Scratch) -> Result<Live> {
    progress.step("starting Apache with two certificates");
    let apache = start_apache(scratch)?;
    progress.step("starting nginx with a wildcard certificate");
    let nginx = start_nginx(scratch)?;
    let _node = node::idle(scratch)?;
    progress.step("starting Wrongway");
    let mut agent = match Agent::start(binary, scratch)? {
        Start::Ready(agent) => agent,
        Start::Unsupported(reason) => return Ok(Live::Unsupported(reason)),
    };
    let mut recorder = record
        .map(|file| recording::start(binary, scratch, file))
        .transpose()?;
    progress.step("curl and Node ask for their own and for other people's sites");
    let truths = scenario::drive(scratch, apache.port, nginx.port)?;
    progress.step("asking Wrongway what it saw");
    let ports = vec![apache.port, nginx.port];
    let exchanges = agent.settled_exchanges(&ports, expected(&truths))?;
    progress.step("stopping everything");
    agent.process.stop()?;
    if let (Some(recorder), Some(file)) = (&mut recorder, record) {
        recorder.stop()?;
        recording::write_truths(file, &truths)?;
    }
    Ok(Live::Seen(Show {
        exchanges,
        truths,
        ports,
    }))
}

/// The first site's certificate covers the second, too, as it does where people share connections by
/// mistake.
fn start_apache(scratch: &Scratch) -> Result<Apache> {
    let authority = Authority::new()?;
    let www = authority.certify(scratch, "www", &[WWW, ADMIN], false)?;
    let admin = authority.certify(scratch, "admin", &[ADMIN], false)?;
    let sites = [(WWW, &www), (ADMIN, &admin)].map(|(name, certificate)| Site {
        name,
        certificate,
        ciphers: None,
    });
    Apache::start(scratch, &sites)
}

fn start_nginx(scratch: &Scratch) -> Result<Nginx> {
    let wildcard = Authority::new()?.certify(scratch, "tenants", &["*.tenant.example"], false)?;
    let certificates = [wildcard];
    let options = nginx::Options {
        workers: 1,
        ..nginx::Options::new(&certificates)
    };
    Nginx::start(scratch, options)
}
