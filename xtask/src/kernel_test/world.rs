//! What most tests begin with, a directory, a server and an agent, and what they end with, a comparison.

use anyhow::{Result, bail, ensure};

use super::Setting;
use crate::rig::agent::{Agent, Start};
use crate::rig::certificate::{self, Authority};
use crate::rig::compare::{Comparison, compare, expected};
use crate::rig::nginx::{self, Nginx};
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

/// Server name that tests dial.
pub(super) const NAME: &str = "a.shop.example";
/// Another name on the same certificate.
pub(super) const SIBLING: &str = "b.shop.example";
/// A name that the certificate does not cover.
pub(super) const STRANGER: &str = "other.example";

/// An nginx with one wildcard certificate, observed.
pub(super) struct World<'a> {
    // Ended in this order.
    pub(super) agent: Agent,
    pub(super) nginx: Nginx,
    pub(super) scratch: &'a Scratch,
}

impl<'a> World<'a> {
    pub(super) fn new(setting: &'a Setting) -> Result<Self> {
        Self::with_upgrades(setting, None)
    }

    /// As `new`, with a plain-text server behind `/upgrade`.
    pub(super) fn with_upgrades(setting: &'a Setting, upgrade_to: Option<u16>) -> Result<Self> {
        let scratch = &setting.scratch;
        let nginx = start_nginx(scratch, upgrade_to)?;
        let agent = start_agent(setting)?;
        Ok(Self {
            agent,
            nginx,
            scratch,
        })
    }

    /// Compares what the agent saw of nginx's port with the truth, and demands perfection.
    pub(super) fn demand(&self, truths: &[Truth]) -> Result<String> {
        demand(&self.agent, &[self.nginx.port], truths)
    }
}

pub(super) fn start_nginx(scratch: &Scratch, upgrade_to: Option<u16>) -> Result<Nginx> {
    let certificates = [wildcard(scratch)?];
    Nginx::start(
        scratch,
        nginx::Options {
            upgrade_to,
            ..nginx::Options::new(&certificates)
        },
    )
}

pub(super) fn wildcard(scratch: &Scratch) -> Result<certificate::Certificate> {
    Authority::new()?.certify(scratch, "wildcard", &["*.shop.example", "shop.example"], true)
}

pub(super) fn start_agent(setting: &Setting) -> Result<Agent> {
    match Agent::start(&setting.binary, &setting.scratch)? {
        Start::Ready(agent) => Ok(agent),
        Start::Unsupported(reason) => bail!("the agent cannot observe here: {reason}"),
    }
}

/// Demands that every request was seen once on each side with every fact right, and that nothing was lost.
pub(super) fn demand(agent: &Agent, ports: &[u16], truths: &[Truth]) -> Result<String> {
    let exchanges = agent.settled_exchanges(ports, expected(truths))?;
    let comparison = compare(truths, &exchanges, ports);
    let losses = agent.losses()?;
    ensure!(comparison.is_perfect(), "{comparison}\n    losses: {losses:?}");
    ensure!(losses.is_empty(), "losses: {losses:?}");
    Ok(summary(&comparison))
}

/// Right, unknown and wrong for each fact.
fn summary(comparison: &Comparison) -> String {
    let facts: Vec<String> = comparison
        .facts
        .iter()
        .map(|(fact, tally)| format!("{fact} {}/{}/{}", tally.right, tally.unknown, tally.wrong))
        .collect();
    format!(
        "{} exchanges; right/unknown/wrong: {}",
        comparison.expected,
        facts.join(", ")
    )
}
