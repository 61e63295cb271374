//! Compares what the agent saw with what the clients know, request by request and fact by fact.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use super::exchange::Exchange;
use super::facts::{Tally, facts};
use super::truth::Truth;

/// Complaints kept; the counts go on.
const MAX_COMPLAINTS: usize = 10;

/// The result of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Exchanges that ought to be there: see [`expected`].
    pub expected: usize,
    /// Exchanges found where they ought to be, whatever their other facts.
    pub found: usize,
    /// Exchanges found with every fact right.
    pub right: usize,
    /// Requests not seen on one side.
    pub missing: usize,
    /// Exchanges that no client made, or seen twice.
    pub surplus: usize,
    /// For each fact, how it came out.
    pub facts: BTreeMap<&'static str, Tally>,
    /// The first few complaints, in words.
    pub complaints: Vec<String>,
}

/// Where an exchange belongs: role, client's address, server's address, position on the connection.
type Place = (&'static str, String, String, u64);

/// Compares. Exchanges that do not touch `ports` are somebody else's and are left out.
pub fn compare(truths: &[Truth], exchanges: &[Exchange], ports: &[u16]) -> Comparison {
    let mut comparison = Comparison {
        expected: expected(truths),
        ..Comparison::default()
    };
    let mut placed: BTreeMap<Place, VecDeque<&Exchange>> = BTreeMap::new();
    for exchange in exchanges.iter().filter(|exchange| exchange.touches(ports)) {
        match place_of(exchange) {
            Some(place) => placed.entry(place).or_default().push_back(exchange),
            None => comparison.add_surplus(exchange, "role or position unknown"),
        }
    }
    for truth in truths {
        for (role, place) in places_of(truth) {
            match placed.get_mut(&place).and_then(VecDeque::pop_front) {
                // Whether the server read it is for nobody to know.
                _ if truth.abandoned && role == "server" => {}
                Some(exchange) => comparison.add_found(truth, role, exchange),
                None => comparison.add_missing(truth, role),
            }
        }
    }
    for exchange in placed.into_values().flatten() {
        comparison.add_surplus(exchange, "no client made it, or seen twice");
    }
    comparison
}

/// How many exchanges ought to be seen: each request on both sides, but an abandoned one on the client's.
pub fn expected(truths: &[Truth]) -> usize {
    truths
        .iter()
        .map(|truth| if truth.abandoned { 1 } else { 2 })
        .sum()
}

impl Comparison {
    /// Whether every request was seen exactly once on each side with every fact right.
    pub fn is_perfect(&self) -> bool {
        self.right == self.expected && self.surplus == 0
    }

    fn add_found(&mut self, truth: &Truth, role: &'static str, exchange: &Exchange) {
        self.found += 1;
        let mut flaws = Vec::new();
        for fact in facts(truth, role, exchange) {
            flaws.extend(self.facts.entry(fact.name).or_default().add(&fact));
        }
        if flaws.is_empty() {
            self.right += 1;
        } else {
            self.complain(format!("{}: {}", describe(truth, role), flaws.join(", ")));
        }
    }

    fn add_missing(&mut self, truth: &Truth, role: &str) {
        self.missing += 1;
        self.complain(format!("{}: not seen", describe(truth, role)));
    }

    fn add_surplus(&mut self, exchange: &Exchange, why: &str) {
        self.surplus += 1;
        self.complain(format!(
            "exchange {} ({} to {}, request {}, authority {}): {why}",
            exchange.id,
            exchange.connection.local.as_deref().unwrap_or("?"),
            exchange.connection.peer.as_deref().unwrap_or("?"),
            exchange
                .connection
                .request_number
                .map_or_else(|| "?".to_owned(), |number| number.to_string()),
            exchange.authority.as_deref().unwrap_or("?"),
        ));
    }

    fn complain(&mut self, complaint: String) {
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push(complaint);
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} of {} right, {} missing, {} surplus;",
            self.right, self.expected, self.missing, self.surplus
        )?;
        for (fact, tally) in &self.facts {
            write!(
                formatter,
                " {fact} {}/{}/{}",
                tally.right, tally.unknown, tally.wrong
            )?;
        }
        for complaint in &self.complaints {
            write!(formatter, "\n    {complaint}")?;
        }
        Ok(())
    }
}

fn place_of(exchange: &Exchange) -> Option<Place> {
    let (client, server) = exchange.ends()?;
    let role = match exchange.role.as_deref()? {
        "server" => "server",
        _ => "client",
    };
    let number = exchange.connection.request_number?;
    Some((role, client.to_owned(), server.to_owned(), number))
}

/// A client that does not tell its address has no place.
fn places_of(truth: &Truth) -> [(&'static str, Place); 2] {
    ["server", "client"].map(|role| {
        let place = (
            role,
            truth.local.clone().unwrap_or_default(),
            truth.peer.clone(),
            truth.request_number,
        );
        (role, place)
    })
}

fn describe(truth: &Truth, role: &str) -> String {
    format!(
        "{role}'s side of {} {} on {} to {}, request {}",
        truth.method,
        truth.authority,
        truth.local.as_deref().unwrap_or("?"),
        truth.peer,
        truth.request_number
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::exchange::{Connection, Process};

    const PORT: u16 = 8443;

    fn truth() -> Truth {
        Truth {
            client: "curl".to_owned(),
            pid: 7,
            exe: None,
            protocol: "h2".to_owned(),
            sni: Some("a.example".to_owned()),
            authority: "b.example".to_owned(),
            method: "GET".to_owned(),
            status: Some(421),
            local: Some("127.0.0.1:40000".to_owned()),
            peer: "127.0.0.1:8443".to_owned(),
            request_number: 1,
            abandoned: false,
            verdict: Some("split_421".to_owned()),
            certificate: None,
        }
    }

    fn seen(role: &str) -> Exchange {
        let truth = truth();
        let (local, peer) = match role {
            "client" => (truth.local, Some(truth.peer)),
            _ => (Some(truth.peer), truth.local),
        };
        Exchange {
            id: 1,
            role: Some(role.to_owned()),
            protocol: truth.protocol,
            method: Some(truth.method),
            authority: Some(truth.authority),
            sni: truth.sni,
            sni_state: "sent".to_owned(),
            status: truth.status,
            verdict: "split_421".to_owned(),
            class: "correct_421".to_owned(),
            connection: Connection {
                id: 1,
                local,
                peer,
                request_number: Some(1),
                ..Connection::default()
            },
            process: Process {
                pid: 7,
                ..Process::default()
            },
            ..Exchange::default()
        }
    }

    #[test]
    fn both_sides_right_is_perfect() {
        let comparison = compare(&[truth()], &[seen("server"), seen("client")], &[PORT]);
        assert!(comparison.is_perfect(), "{comparison}");
    }

    #[test]
    fn one_side_alone_is_missing_the_other() {
        let comparison = compare(&[truth()], &[seen("server")], &[PORT]);
        assert_eq!((comparison.right, comparison.missing), (1, 1));
    }

    #[test]
    fn an_exchange_seen_twice_is_surplus() {
        let exchanges = [seen("server"), seen("client"), seen("client")];
        let comparison = compare(&[truth()], &exchanges, &[PORT]);
        assert_eq!(comparison.surplus, 1);
        assert!(!comparison.is_perfect());
    }

    #[test]
    fn the_server_need_not_see_what_the_client_gave_up() {
        let mut abandoned = truth();
        abandoned.status = None;
        abandoned.verdict = None;
        abandoned.abandoned = true;
        let mut client = seen("client");
        client.status = None;
        let comparison = compare(&[abandoned], &[client], &[PORT]);
        assert!(comparison.is_perfect(), "{comparison}");
        assert_eq!(comparison.expected, 1);
    }

    #[test]
    fn unknown_and_wrong_are_told_apart() {
        let mut unknown = seen("server");
        unknown.sni = None;
        unknown.sni_state = "unknown".to_owned();
        let mut wrong = seen("client");
        wrong.sni = Some("c.example".to_owned());
        let comparison = compare(&[truth()], &[unknown, wrong], &[PORT]);
        let expected = Tally {
            right: 0,
            unknown: 1,
            wrong: 1,
        };
        assert_eq!(comparison.facts["sni"], expected);
        assert_eq!(comparison.right, 0);
    }

    #[test]
    fn other_ports_are_somebody_elses() {
        let comparison = compare(&[], &[seen("server")], &[PORT + 1]);
        assert!(comparison.is_perfect());
    }
}
