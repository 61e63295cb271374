//! What the agent tells of causes and exchanges, beside the exchanges themselves.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::rig::exchange::Exchange;

/// A line of `wrongway inspect summary`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Cause {
    verdict: String,
    role: Option<String>,
    exe: Option<String>,
    other_exe: Option<String>,
    count: u64,
    clients: usize,
    names: Vec<CauseName>,
}

#[derive(Clone, Debug, Deserialize)]
struct CauseName {
    authority: Option<String>,
}

/// What `wrongway explain` says.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Explanation {
    exchange: Exchange,
    facts: Vec<Fact>,
    configuration: Vec<Configuration>,
}

#[derive(Clone, Debug, Deserialize)]
struct Configuration {
    program: String,
    side: String,
    lines: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Fact {
    name: String,
    value: Option<String>,
}

impl Cause {
    /// Whether it is of this verdict, for this side of a program.
    pub(super) fn is(&self, verdict: &str, role: &str, program: &str) -> bool {
        self.verdict == verdict && self.role.as_deref() == Some(role) && is(self.exe.as_deref(), program)
    }

    /// Whether this program is at the other end.
    pub(super) fn is_with(&self, program: &str) -> bool {
        is(self.other_exe.as_deref(), program)
    }

    /// Demands how many exchanges it counts, from how many clients, for which names.
    pub(super) fn counts(&self, count: u64, clients: usize, names: &[&str]) -> Result<()> {
        let seen: BTreeSet<&str> = self
            .names
            .iter()
            .filter_map(|name| name.authority.as_deref())
            .collect();
        ensure!(
            self.count == count && self.clients == clients && seen == names.iter().copied().collect(),
            "{count} from {clients} clients for {names:?} instead of {self:?}"
        );
        Ok(())
    }
}

impl Explanation {
    /// The lines for this program.
    pub(super) fn lines(&self, program: &str, side: &str) -> Result<&[String]> {
        let found = self
            .configuration
            .iter()
            .find(|configuration| configuration.program == program && configuration.side == side);
        found
            .map(|configuration| &*configuration.lines)
            .with_context(|| format!("no lines for the {side} {program}: {self:?}"))
    }

    /// Demands that a fact is told so.
    pub(super) fn fact(&self, name: &str, value: &str) -> Result<()> {
        let fact = self.facts.iter().find(|fact| fact.name == name);
        ensure!(
            fact.and_then(|fact| fact.value.as_deref()) == Some(value),
            "the fact {name} is {fact:?} instead of {value}"
        );
        Ok(())
    }

    /// Demands that the remedy, or the diagnosis, says this.
    pub(super) fn says(&self, words: &str) -> Result<()> {
        let Exchange {
            diagnosis, remedy, ..
        } = &self.exchange;
        ensure!(
            diagnosis.contains(words) || remedy.contains(words),
            "nothing of {words:?} in\n{diagnosis}\n{remedy}"
        );
        Ok(())
    }
}

fn is(exe: Option<&str>, program: &str) -> bool {
    exe.and_then(|exe| exe.rsplit('/').next()) == Some(program)
}
