//! What is compared of an exchange, beside what the client alone tells.

use std::collections::BTreeSet;

use super::entry::Entry;
use super::{Ground, Side};
use crate::rig::exchange::Exchange;
use crate::rig::facts::{Fact, facts};
use crate::rig::truth::Truth;

/// What is compared of one exchange.
pub(super) fn all_facts(ground: &Ground, entry: &Entry<'_>, side: Side, exchange: &Exchange) -> Vec<Fact> {
    let truth = entry.truth;
    let mut facts = facts(truth, side, exchange);
    if truth.status.is_none() && !truth.abandoned {
        // The client was told none, and cannot know whether one was sent.
        facts.retain(|fact| fact.name != "status");
    }
    facts.push(Fact {
        name: "role",
        seen: exchange.role.clone(),
        known: side.to_owned(),
    });
    facts.push(Fact {
        name: "request",
        seen: exchange
            .connection
            .request_number
            .map(|number| number.to_string()),
        known: truth.request_number.to_string(),
    });
    if truth.protocol == "h2" {
        // Over HTTP/1.1 there need not be any.
        facts.push(Fact {
            name: "alpn",
            seen: exchange.connection.alpn.clone(),
            known: "h2".to_owned(),
        });
    }
    // Clients of the matrix begin each connection without a session.
    facts.push(Fact {
        name: "resumed",
        seen: exchange.connection.resumed.map(|resumed| resumed.to_string()),
        known: "false".to_owned(),
    });
    facts.push(socket(entry, side, exchange));
    facts.push(pair(ground, truth, side, exchange));
    if side == "server" {
        let pid = exchange.process.pid;
        facts.push(Fact {
            name: "pid",
            seen: Some(pid.to_string()),
            known: one_of(&ground.pids, pid),
        });
        facts.push(Fact {
            name: "exe",
            seen: exchange.process.exe.clone(),
            known: ground.exe.clone(),
        });
    }
    facts
}

/// The client's address and the server's. Where the client does not tell its own, the other side's exchange
/// has to agree.
fn socket(entry: &Entry<'_>, side: Side, exchange: &Exchange) -> Fact {
    let truth = entry.truth;
    let other = if side == "server" {
        entry.client
    } else {
        entry.server
    };
    let seen = exchange.ends();
    let client = truth
        .local
        .as_deref()
        .or_else(|| Some(other?.ends()?.0))
        .or(seen.map(|(client, _)| client))
        .unwrap_or("127.0.0.1");
    Fact {
        name: "socket",
        seen: seen.map(|(client, server)| format!("{client} to {server}")),
        known: format!("{client} to {}", truth.peer),
    }
}

/// The process at the other end.
fn pair(ground: &Ground, truth: &Truth, side: Side, exchange: &Exchange) -> Fact {
    let seen = exchange.connection.pair.as_ref().map(|pair| pair.pid);
    let known = match seen {
        Some(pid) if side == "client" => one_of(&ground.pids, pid),
        _ if side == "client" => "the server's".to_owned(),
        _ => truth.pid.to_string(),
    };
    Fact {
        name: "pair",
        seen: seen.map(|pid| pid.to_string()),
        known,
    }
}

/// The process itself if it is one of them, else all of them.
fn one_of(pids: &BTreeSet<u32>, pid: u32) -> String {
    if pids.contains(&pid) {
        pid.to_string()
    } else {
        format!("one of {pids:?}")
    }
}
