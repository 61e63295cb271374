//! Loads the server in rounds, and compares each with what the agent saw.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::load::Load;
use super::outcome::Outcome;
use crate::matrix::watch::{Prior, complete, settled};
use crate::rig::agent::Agent;
use crate::rig::ledger::Ground;
use crate::rig::metrics;
use crate::rig::scratch::Scratch;
use crate::rig::servers::Server;

/// How much.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How long requests are made, the comparisons between them included.
    pub duration: Duration,
    /// Requests a second.
    pub rate: u32,
}

/// A round is no longer than this.
const ROUND: Duration = Duration::from_secs(10);
/// Nor has it more requests: the agent keeps ten thousand exchanges, and each request makes two.
const REQUESTS: u32 = 2_000;

/// Loads a server that runs and is [warmed up](mod@crate::matrix::warm_up), with an agent that observes.
///
/// # Errors
///
/// When the agent does not answer.
pub fn endure(
    agent: &Agent,
    server: &Server,
    scratch: &Scratch,
    size: Size,
    mut progress: impl FnMut(String),
) -> Result<Outcome> {
    let ground = Ground {
        program: server.program,
        port: server.port,
        pids: server.pids(),
        exe: server.executable()?.display().to_string(),
    };
    let mut load = Load::new(server, scratch, size.rate);
    let mut prior = Prior::new();
    let mut outcome = Outcome::new(server.program);
    let mut latest = agent.exchanges()?.last().map_or(0, |exchange| exchange.id);
    let lost_before = agent.losses()?;
    let started = Instant::now();
    while outcome.server_lives && started.elapsed() < size.duration {
        let left = size.duration.saturating_sub(started.elapsed());
        let mut made = load.round(size.round().min(left));
        complete(server, &mut made.truths, &mut prior);
        let exchanges = settled(agent, server, latest, &made.truths)?;
        latest = exchanges.last().map_or(latest, |exchange| exchange.id);
        outcome.ledger.add(&ground, &made.truths, &exchanges);
        outcome.add(made);
        outcome.duration = started.elapsed();
        // Nobody has waited for a process that died: it is still in the family, but has no executable.
        outcome.server_lives = server.pids() == ground.pids && server.executable().is_ok();
        progress(outcome.summary());
    }
    outcome.losses = metrics::since(&lost_before, agent.losses()?);
    // Those were judged and counted, and are only too old to be listed.
    outcome
        .losses
        .retain(|loss| !loss.labels.contains("stage=\"store\""));
    Ok(outcome)
}

impl Size {
    fn round(self) -> Duration {
        ROUND.min(Duration::from_secs(1) * REQUESTS / self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_has_no_more_than_the_agent_keeps() {
        let round = |rate| {
            let size = Size {
                duration: Duration::ZERO,
                rate,
            };
            size.round()
        };
        assert_eq!(round(50), Duration::from_secs(10));
        assert_eq!(round(1_000), Duration::from_secs(2));
    }
}
