//! The story of one exchange, from the objects of the contract alone: so it can be told of one of this run, and of one
//! that an earlier run wrote down.

mod facts;
mod timeline;

use super::view::{Configuration, Connection, Exchange, Explanation, Rule};
use crate::remedy::{self, Question};
use crate::verdict::Verdict;

/// What is at hand to explain an exchange with.
#[derive(Clone, Debug)]
pub struct Material {
    /// The exchange.
    pub exchange: Exchange,
    /// Its connection, if that is still known.
    pub connection: Option<Connection>,
    /// Other exchanges of the connection that are still known, in their order.
    pub neighbours: Vec<Exchange>,
    /// The exchange with which the client asked again, if that is known.
    pub retry: Option<Exchange>,
}

/// Tells the story.
pub fn explain(material: Material) -> Explanation {
    let timeline = timeline::of(&material);
    let facts = facts::of(&material);
    let configuration = configuration(&material.exchange);
    Explanation {
        rule: rule(&material.exchange.verdict),
        timeline,
        facts,
        configuration,
        exchange: material.exchange,
    }
}

/// The remedy as lines, for the programs that were seen.
pub fn configuration(exchange: &Exchange) -> Vec<Configuration> {
    let Ok(verdict) = exchange.verdict.parse() else {
        return Vec::new();
    };
    let own = exchange.process.exe.as_deref();
    let other = exchange
        .connection
        .pair
        .as_ref()
        .and_then(|pair| pair.exe.as_deref());
    let (server, client) = match exchange.role.as_deref() {
        Some("client") => (other, own),
        _ => (own, other),
    };
    remedy::configuration(&Question {
        verdict,
        server,
        client,
        sni: exchange.sni.as_deref(),
        authority: exchange.authority.as_deref(),
    })
}

/// `None` if the verdict is of another version of Wrongway.
fn rule(verdict: &str) -> Option<Rule> {
    let verdict: Verdict = verdict.parse().ok()?;
    let (row, when) = verdict.rule();
    Some(Rule {
        row,
        when: when.to_owned(),
        basis: verdict.basis().to_owned(),
    })
}

#[cfg(test)]
mod tests;
