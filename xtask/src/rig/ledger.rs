//! Compares what the agent saw with what is so, by program, side and fact, for traffic in which each
//! connection asks for names of its own.
//!
//! Exchanges find their requests by the authority, so that an exchange whose socket is unknown is compared,
//! too.

use std::collections::{BTreeMap, BTreeSet};

use super::declared::may_be_unknown;
use super::exchange::Exchange;
use super::facts::{Fact, Tally, facts};
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

/// A request and the exchanges that were found for it.
struct Entry<'a> {
    truth: &'a Truth,
    server: Option<&'a Exchange>,
    client: Option<&'a Exchange>,
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

/// Finds the request that an exchange belongs to best, and says whether there is one.
fn place<'a>(ground: &Ground, entries: &mut [Entry<'a>], exchange: &'a Exchange) -> bool {
    let likeness = |entry: &Entry<'_>| {
        let truth = entry.truth;
        let number = exchange.connection.request_number == Some(truth.request_number);
        let socket = exchange
            .ends()
            .is_some_and(|(client, _)| truth.local.as_deref() == Some(client));
        match exchange.authority.as_deref() {
            Some(name) if name == truth.authority => Some((number, socket)),
            // By its place alone, then.
            None if number && socket => Some((number, socket)),
            _ => None,
        }
    };
    let best = entries
        .iter_mut()
        .filter_map(|entry| {
            let likeness = likeness(entry)?;
            let free = match side_in(ground, entry.truth, exchange) {
                "server" => &mut entry.server,
                _ => &mut entry.client,
            };
            free.is_none().then_some((likeness, free))
        })
        .max_by_key(|(likeness, _)| *likeness);
    best.map(|(_, free)| *free = Some(exchange)).is_some()
}

/// The side on which the exchange was seen, by the process rather than by the role, which may be wrong.
fn side_in(ground: &Ground, truth: &Truth, exchange: &Exchange) -> Side {
    if exchange.process.pid == truth.pid {
        "client"
    } else if ground.pids.contains(&exchange.process.pid) || exchange.role.as_deref() == Some("server") {
        "server"
    } else {
        "client"
    }
}

fn side_of(ground: &Ground, truths: &[Truth], exchange: &Exchange) -> Side {
    let owner = truths.iter().find(|truth| truth.pid == exchange.process.pid);
    match owner.or(truths.first()) {
        Some(truth) => side_in(ground, truth, exchange),
        None => "server",
    }
}

fn all_facts(ground: &Ground, entry: &Entry<'_>, side: Side, exchange: &Exchange) -> Vec<Fact> {
    let truth = entry.truth;
    let mut facts = facts(truth, side, exchange);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::exchange::{Connection, Process};

    const CLIENT: &str = "127.0.0.1:40000";
    const SERVER: &str = "127.0.0.1:8443";

    fn ground() -> Ground {
        Ground {
            program: "nginx",
            port: 8443,
            pids: [10, 11].into(),
            exe: "/usr/sbin/nginx".to_owned(),
        }
    }

    fn truth() -> Truth {
        Truth {
            client: "curl".to_owned(),
            pid: 7,
            exe: Some("/usr/bin/curl".to_owned()),
            protocol: "h2".to_owned(),
            sni: Some("r1.a.example".to_owned()),
            authority: "r1.a.example".to_owned(),
            method: "GET".to_owned(),
            status: Some(200),
            local: Some(CLIENT.to_owned()),
            peer: SERVER.to_owned(),
            request_number: 1,
            abandoned: false,
            verdict: Some("ok".to_owned()),
            certificate: None,
        }
    }

    fn seen(side: Side) -> Exchange {
        let truth = truth();
        let (pid, exe, local, peer) = match side {
            "server" => (11, "/usr/sbin/nginx", SERVER, CLIENT),
            _ => (7, "/usr/bin/curl", CLIENT, SERVER),
        };
        Exchange {
            role: Some(side.to_owned()),
            protocol: truth.protocol,
            method: Some(truth.method),
            authority: Some(truth.authority),
            sni: truth.sni,
            sni_state: "sent".to_owned(),
            status: truth.status,
            verdict: "ok".to_owned(),
            class: "fine".to_owned(),
            connection: Connection {
                local: Some(local.to_owned()),
                peer: Some(peer.to_owned()),
                request_number: Some(1),
                ..Connection::default()
            },
            process: Process {
                pid,
                exe: Some(exe.to_owned()),
                ..Process::default()
            },
            ..Exchange::default()
        }
    }

    fn tally(ledger: &Ledger, program: &str, side: Side, fact: &str) -> Tally {
        ledger.rows[&(program.to_owned(), side)].facts[fact]
    }

    #[test]
    fn both_sides_right_is_without_fault() {
        let mut ledger = Ledger::default();
        ledger.add(&ground(), &[truth()], &[seen("server"), seen("client")]);
        assert_eq!(ledger.faults(), [""; 0]);
        for row in ledger.rows.values() {
            for (fact, tally) in row.facts.iter().filter(|(fact, _)| **fact != "pair") {
                assert_eq!((tally.right, tally.unknown), (1, 0), "{fact}");
            }
        }
    }

    #[test]
    fn an_unknown_socket_is_no_obstacle() {
        let mut server = seen("server");
        server.connection.local = None;
        server.connection.peer = None;
        let mut ledger = Ledger::default();
        ledger.add(&ground(), &[truth()], &[server, seen("client")]);
        assert_eq!(ledger.faults(), [""; 0]);
        assert_eq!(tally(&ledger, "nginx", "server", "socket").unknown, 1);
    }

    #[test]
    fn a_wrong_socket_is_a_fault() {
        let mut server = seen("server");
        server.connection.peer = Some("127.0.0.1:40001".to_owned());
        let mut ledger = Ledger::default();
        ledger.add(&ground(), &[truth()], &[server, seen("client")]);
        assert_eq!(ledger.faults(), ["nginx as server: socket wrong 1 times"]);
    }

    #[test]
    fn sides_must_agree_where_the_client_does_not_tell() {
        let mut truth = truth();
        truth.local = None;
        let mut client = seen("client");
        client.connection.local = Some("127.0.0.1:40001".to_owned());
        let mut ledger = Ledger::default();
        ledger.add(&ground(), &[truth], &[seen("server"), client]);
        assert_eq!(ledger.faults().len(), 2, "{:?}", ledger.faults());
    }

    #[test]
    fn a_foreign_process_is_a_fault() {
        let mut server = seen("server");
        server.process.pid = 99;
        let mut ledger = Ledger::default();
        ledger.add(&ground(), &[truth()], &[server, seen("client")]);
        assert_eq!(ledger.faults(), ["nginx as server: pid wrong 1 times"]);
    }

    #[test]
    fn another_requests_authority_is_a_fault() {
        let mut second = truth();
        second.authority = "r2.a.example".to_owned();
        second.request_number = 2;
        second.verdict = None;
        let mut mixed_up = seen("server");
        mixed_up.connection.request_number = Some(2);
        let exchanges = [seen("server"), mixed_up, seen("client"), {
            let mut client = seen("client");
            client.authority = Some("r2.a.example".to_owned());
            client.connection.request_number = Some(2);
            client
        }];
        let mut ledger = Ledger::default();
        ledger.add(&ground(), &[truth(), second], &exchanges);
        assert_eq!(
            ledger.faults(),
            [
                "nginx as server: 1 exchanges not seen",
                "nginx as server: 1 exchanges too many"
            ]
        );
    }

    #[test]
    fn an_undecided_verdict_is_unknown_where_a_fact_is() {
        let mut server = seen("server");
        server.sni = None;
        server.sni_state = "unknown".to_owned();
        server.verdict = "insufficient_evidence".to_owned();
        server.class = "undecided".to_owned();
        let mut ledger = Ledger::default();
        ledger.add(&ground(), &[truth()], &[server, seen("client")]);
        assert_eq!(ledger.faults(), [""; 0]);
        assert_eq!(tally(&ledger, "nginx", "server", "verdict").unknown, 1);
    }
}
