//! Compares what the agent saw with what is so, by program, side and fact, for traffic in which each
//! connection asks for names of its own.
//!
//! Exchanges find their requests by the authority, so that an exchange whose socket is unknown is compared,
//! too.

mod entry;
mod facts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use self::entry::{Entry, place, side_of};
use self::facts::all_facts;
use super::declared::may_be_unknown;
use super::exchange::Exchange;
use super::facts::Tally;
use super::truth::Truth;

/// Complaints kept; the counts go on.
const MAX_COMPLAINTS: usize = 20;

/// Which side of a connection.
pub type Side = &'static str;

/// What is known of the server that all these requests went to.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Its program.
    pub program: &'static str,
    /// Its port of 127.0.0.1.
    pub port: u16,
    /// Its processes.
    pub pids: BTreeSet<u32>,
    /// Its executable.
    pub exe: String,
}

/// How the exchanges of one program came out, on one side.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Protocols that it spoke.
    pub protocols: BTreeSet<String>,
    /// TLS libraries that the agent named.
    pub libraries: BTreeSet<String>,
    /// Requests that ought to be seen.
    pub expected: usize,
    /// Requests that were not seen.
    pub missing: usize,
    /// Exchanges that belong to no request, or seen twice.
    pub surplus: usize,
    /// How each fact came out.
    pub facts: BTreeMap<&'static str, Tally>,
}

/// How everything came out.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// By program and side.
    pub rows: BTreeMap<(String, Side), Row>,
    /// The first few complaints, in words.
    pub complaints: Vec<String>,
}

/// Those exchanges that have to do with the requests: they touch the port, or name an authority that only these
/// requests do.
pub fn relevant<'a>(truths: &[Truth], exchanges: &'a [Exchange], port: u16) -> Vec<&'a Exchange> {
    let authorities: BTreeSet<&str> = truths.iter().map(|truth| truth.authority.as_str()).collect();
    exchanges
        .iter()
        .filter(|exchange| {
            let named = exchange.authority.as_deref();
            exchange.touches(&[port]) || named.is_some_and(|name| authorities.contains(name))
        })
        .collect()
}

impl Ledger {
    /// Adds the requests to one server, and what the agent saw of them.
    pub fn add(&mut self, ground: &Ground, truths: &[Truth], exchanges: &[Exchange]) {
        let mut entries: Vec<Entry<'_>> = truths
            .iter()
            .map(|truth| Entry {
                truth,
                server: None,
                client: None,
            })
            .collect();
        for exchange in relevant(truths, exchanges, ground.port) {
            if !place(ground, &mut entries, exchange) {
                let side = side_of(ground, truths, exchange);
                self.row(ground.program, side).surplus += 1;
                self.complain(|| format!("{}: no request of its own", name(exchange)));
            }
        }
        for entry in &entries {
            self.add_side(ground, entry, "server", entry.server);
            self.add_side(ground, entry, "client", entry.client);
        }
    }

    /// Every fact that came out wrong, or unknown although it must not; every request that was not seen, and
    /// every exchange too many.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for ((program, side), row) in &self.rows {
            for (count, what) in [(row.missing, "not seen"), (row.surplus, "too many")] {
                if count > 0 {
                    faults.push(format!("{program} as {side}: {count} exchanges {what}"));
                }
            }
            for (fact, tally) in &row.facts {
                if tally.wrong > 0 {
                    faults.push(format!("{program} as {side}: {fact} wrong {} times", tally.wrong));
                }
                if tally.unknown > 0 && !may_be_unknown(program, side, fact) {
                    faults.push(format!(
                        "{program} as {side}: {fact} unknown {} times",
                        tally.unknown
                    ));
                }
            }
        }
        faults
    }

    fn add_side(&mut self, ground: &Ground, entry: &Entry<'_>, side: Side, seen: Option<&Exchange>) {
        let truth = entry.truth;
        if truth.abandoned && side == "server" {
            // Whether the server read it is for nobody to know.
            return;
        }
        let program = if side == "server" {
            ground.program
        } else {
            &truth.client
        };
        let row = self.row(program, side);
        row.expected += 1;
        row.protocols.insert(truth.protocol.clone());
        let Some(exchange) = seen else {
            row.missing += 1;
            self.complain(|| format!("{}: not seen", describe(ground, truth, side)));
            return;
        };
        row.libraries.extend(exchange.process.library.clone());
        let mut flaws = Vec::new();
        for fact in all_facts(ground, entry, side, exchange) {
            let flaw = row.facts.entry(fact.name).or_default().add(&fact);
            let declared = fact.seen.is_none() && may_be_unknown(program, side, fact.name);
            flaws.extend(flaw.filter(|_| !declared));
        }
        if !flaws.is_empty() {
            self.complain(|| format!("{}: {}", describe(ground, truth, side), flaws.join(", ")));
        }
    }

    fn row(&mut self, program: &str, side: Side) -> &mut Row {
        self.rows.entry((program.to_owned(), side)).or_default()
    }

    fn complain(&mut self, complaint: impl FnOnce() -> String) {
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push(complaint());
        }
    }
}

fn describe(ground: &Ground, truth: &Truth, side: Side) -> String {
    format!(
        "{side}'s side of {} {} {} from {} to {}, server name {}, {}, request {}",
        truth.protocol,
        truth.method,
        truth.authority,
        truth.client,
        ground.program,
        truth.sni.as_deref().unwrap_or("(none)"),
        truth.local.as_deref().unwrap_or("port unknown"),
        truth.request_number
    )
}

fn name(exchange: &Exchange) -> String {
    format!(
        "exchange {} of process {} ({}), {} {}",
        exchange.id,
        exchange.process.pid,
        exchange.role.as_deref().unwrap_or("role unknown"),
        exchange.protocol,
        exchange.authority.as_deref().unwrap_or("authority unknown"),
    )
}
