//! What the agent has to say of a scenario, beside what it says.

use std::fmt::Write as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::told::{Cause, Explanation};
use crate::rig::agent::Agent;
use crate::rig::exchange::Exchange;
use crate::rig::truth::Truth;

/// How long the agent may take to see what is expected, outcomes included.
const SIGHT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(100);

/// One exchange, as one side of it ought to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) sni: Option<&'a str>,
    pub(super) authority: &'a str,
    pub(super) status: u16,
    pub(super) verdict: &'a str,
    pub(super) outcome: Option<&'a str>,
}

/// Where exchanges are looked for: a side of the connections to a port of 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub(super) role: &'static str,
    pub(super) port: u16,
}

/// An agent that is asked about what happens from here on.
pub(super) struct Watch<'a> {
    agent: &'a Agent,
    since: u64,
}

pub(super) const fn row<'a>(
    sni: Option<&'a str>,
    authority: &'a str,
    status: u16,
    verdict: &'a str,
    outcome: Option<&'a str>,
) -> Row<'a> {
    Row {
        sni,
        authority,
        status,
        verdict,
        outcome,
    }
}

impl Side {
    pub(super) const fn server(port: u16) -> Self {
        Self { role: "server", port }
    }

    pub(super) const fn client(port: u16) -> Self {
        Self { role: "client", port }
    }

    fn has(self, exchange: &Exchange) -> bool {
        let server = format!("127.0.0.1:{}", self.port);
        exchange.role.as_deref() == Some(self.role)
            && exchange.ends().is_some_and(|(_, address)| address == server)
    }
}

impl<'a> Watch<'a> {
    /// From the next exchange on.
    pub(super) fn new(agent: &'a Agent) -> Result<Self> {
        let since = agent.exchanges()?.last().map_or(0, |exchange| exchange.id);
        Ok(Self { agent, since })
    }

    /// Waits until one side shows just these exchanges in this order, and returns them.
    pub(super) fn demand(&self, side: Side, rows: &[Row<'_>]) -> Result<Vec<Exchange>> {
        let deadline = Instant::now() + SIGHT;
        loop {
            let mut exchanges = self.agent.exchanges_since(self.since)?;
            exchanges.retain(|exchange| side.has(exchange));
            exchanges.sort_by(|a, b| (&a.time, a.id).cmp(&(&b.time, b.id)));
            let seen: Vec<Row<'_>> = exchanges.iter().map(Row::of).collect();
            if seen == rows {
                for exchange in &exchanges {
                    ensure!(
                        exchange.class == class(&exchange.verdict),
                        "the class is wrong: {exchange:?}"
                    );
                }
                return Ok(exchanges);
            }
            if Instant::now() > deadline {
                bail!(
                    "at the {} of port {}:\n{}    instead of\n{}    losses: {:?}",
                    side.role,
                    side.port,
                    table(&seen),
                    table(rows),
                    self.agent.losses()?
                );
            }
            sleep(POLL);
        }
    }

    /// The one line that the summary has of this verdict, for this side of a program.
    pub(super) fn cause(&self, verdict: &str, role: &str, program: &str) -> Result<Cause> {
        let summary = self.agent.inspect("summary")?;
        let causes = summary
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("no line of a summary: {line}")))
            .collect::<Result<Vec<Cause>>>()?;
        let mut found = causes
            .into_iter()
            .filter(|cause| cause.is(verdict, role, program));
        let cause = found
            .next()
            .with_context(|| format!("no line of {verdict} at the {role} {program}:\n{summary}"))?;
        ensure!(
            found.next().is_none(),
            "more than one line of {verdict} at the {role} {program}:\n{summary}"
        );
        Ok(cause)
    }

    pub(super) fn explain(&self, exchange: &Exchange) -> Result<Explanation> {
        let line = self.agent.explain(exchange.id)?;
        serde_json::from_str(&line).with_context(|| format!("no explanation: {line}"))
    }
}

impl<'a> Row<'a> {
    fn of(exchange: &'a Exchange) -> Self {
        Self {
            sni: exchange.sni.as_deref(),
            authority: exchange.authority.as_deref().unwrap_or("?"),
            status: exchange.status.unwrap_or_default(),
            verdict: &exchange.verdict,
            outcome: exchange.outcome.as_deref(),
        }
    }
}

/// Demands these statuses, in this order, of what a client wrote down.
pub(super) fn answered(truths: &[Truth], statuses: &[u16]) -> Result<()> {
    let seen: Vec<Option<u16>> = truths.iter().map(|truth| truth.status).collect();
    let wanted: Vec<Option<u16>> = statuses.iter().copied().map(Some).collect();
    ensure!(
        seen == wanted,
        "the client was answered {seen:?} instead of {wanted:?}"
    );
    Ok(())
}

/// Waits until what a program wrote down is this.
pub(super) fn wrote<T: std::fmt::Debug + PartialEq>(
    mut written: impl FnMut() -> Result<Vec<T>>,
    wanted: &[T],
) -> Result<()> {
    let deadline = Instant::now() + SIGHT;
    loop {
        let written = written()?;
        if written == wanted {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "the program wrote down {written:?} instead of {wanted:?}"
        );
        sleep(POLL);
    }
}

fn table(rows: &[Row<'_>]) -> String {
    let mut table = String::new();
    for row in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "      {row:?}");
    }
    table
}

/// The class of each verdict that a scenario leads to, written down once more and apart from the agent.
pub(super) fn class(verdict: &str) -> &'static str {
    match verdict {
        "ok" | "coalesced_ok" => "fine",
        "no_sni_421" | "split_421" | "pool_bleed_421" | "coalesced_421" | "uncovered_421" => "correct_421",
        "false_421" | "connect_421" => "wrong_421",
        "served_uncovered" | "mtls_bypass" | "missing_421" => "missing_421",
        "no_sni_served" | "split_served" | "ambiguous_4xx" => "watch",
        "relayed_421" | "aborted" => "undecided",
        _ => "unknown to the scenarios",
    }
}
