//! Starts every server and an agent, drives every client against each, and compares.

use std::collections::HashMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::plan::{self, Names};
use super::warm_up::is_warm_up;
use crate::rig::agent::Agent;
use crate::rig::clients::Version;
use crate::rig::clients::program::{Job, PROGRAMS as CLIENTS};
use crate::rig::compare::expected;
use crate::rig::exchange::Exchange;
use crate::rig::ledger::{Ground, Ledger, relevant};
use crate::rig::oracle;
use crate::rig::python::Python;
use crate::rig::scratch::Scratch;
use crate::rig::servers::Server;
use crate::rig::truth::Truth;

/// How much each client asks of each server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Rounds of [`plan::dials`].
    pub rounds: usize,
}

/// Exchanges come in within this time.
const SETTLE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(200);

/// Drives every client against the servers, which run and are [warmed up](mod@super::warm_up), and compares what the
/// agent saw.
///
/// # Errors
///
/// When a client fails or the agent does not answer.
pub fn watch(
    agent: &Agent,
    servers: &[Server],
    scratch: &Scratch,
    python: &Python,
    size: Size,
    mut progress: impl FnMut(&str),
) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    let mut names = Names::new();
    for server in servers {
        progress(server.program);
        let latest = agent.exchanges()?.last().map_or(0, |exchange| exchange.id);
        let truths = drive(server, scratch, python, size, &mut names)
            .with_context(|| format!("against {}", server.program))?;
        let ground = Ground {
            program: server.program,
            port: server.port,
            pids: server.pids(),
            exe: server.executable()?.display().to_string(),
        };
        let exchanges = settled(agent, server, latest, &truths)?;
        ledger.add(&ground, &truths, &exchanges);
    }
    Ok(ledger)
}

/// Drives every client against one server. The truth says which certificate was presented, and which verdict
/// follows.
///
/// # Errors
///
/// When a client fails.
pub fn drive(
    server: &Server,
    scratch: &Scratch,
    python: &Python,
    size: Size,
    names: &mut Names,
) -> Result<Vec<Truth>> {
    let mut truths = Vec::new();
    for client in CLIENTS {
        for version in client.versions {
            if *version == Version::Http2 && !server.h2 {
                continue;
            }
            // A round at a time: how long a client may take does not grow with their number.
            for _ in 0..size.rounds {
                let dials = plan::dials(server, names);
                truths.extend(client.drive(&Job {
                    scratch,
                    python,
                    port: server.port,
                    version: *version,
                    dials: &dials,
                })?);
            }
        }
    }
    complete(server, &mut truths, &mut Prior::new());
    Ok(truths)
}

/// Hosts that the latest connection of each client's process asked for.
pub type Prior = HashMap<u32, Vec<String>>;

/// Adds what the client does not know. A connection's requests stand together in their order, or `prior` has
/// its first.
pub fn complete(server: &Server, truths: &mut [Truth], prior: &mut Prior) {
    for truth in truths {
        let prior = prior.entry(truth.pid).or_default();
        if truth.request_number == 1 {
            prior.clear();
        }
        let certificate = &server.presented(truth.sni.as_deref()).names;
        truth.certificate = Some(certificate.clone());
        truth.verdict = truth.status.and_then(|status| {
            let case = oracle::Case {
                sni: truth.sni.as_deref(),
                authority: &truth.authority,
                certificate,
                prior,
                status,
                h2: truth.protocol == "h2",
            };
            oracle::verdict(case).map(str::to_owned)
        });
        prior.push(truth.authority.clone());
    }
}

/// Waits until as many exchanges came after the latest one as ought to, and no more come; what is missing is
/// for the caller to judge.
///
/// # Errors
///
/// When the agent does not answer.
pub fn settled(agent: &Agent, server: &Server, latest: u64, truths: &[Truth]) -> Result<Vec<Exchange>> {
    let deadline = Instant::now() + SETTLE;
    let mut previous = 0;
    loop {
        let mut exchanges = agent.exchanges_since(latest)?;
        exchanges.retain(|exchange| !is_warm_up(server, exchange));
        let count = relevant(truths, &exchanges, server.port).len();
        if (count >= expected(truths) && count == previous) || Instant::now() > deadline {
            return Ok(exchanges);
        }
        previous = count;
        sleep(POLL);
    }
}
