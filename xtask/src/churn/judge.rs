//! Four exchanges for each request: client, proxy before, proxy behind, upstream. Each fact that is told must
//! be so.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::load::Made;
use crate::rig::exchange::Exchange;

/// Complaints kept; the counts go on.
const MAX_COMPLAINTS: usize = 10;
/// Least share of exchanges with every fact.
const LEAST: f64 = 0.999;
/// Where a request is seen.
const PLACES: usize = 4;
const CLIENT: usize = 0;
const FRONT: usize = 1;
const BACK: usize = 2;
const UPSTREAM: usize = 3;

/// What is known of the programs.
pub(super) struct Ground {
    /// Names asked for, by the number of the request.
    pub(super) names: Vec<String>,
    /// `address:port` of the proxy.
    pub(super) front: String,
    /// `address:port` of the server behind it.
    pub(super) upstream: String,
    /// Processes of the proxy.
    pub(super) proxy_pids: BTreeSet<u32>,
    /// Processes of the server behind it.
    pub(super) upstream_pids: BTreeSet<u32>,
    /// Names in the certificate of each.
    pub(super) proxy_certificate: Vec<String>,
    pub(super) upstream_certificate: Vec<String>,
}

/// How it came out.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// Requests made.
    pub requests: usize,
    /// Requests that began after an agent was ready and ended before it was killed.
    pub untouched: usize,
    /// Exchanges of those with every fact.
    pub complete: usize,
    /// Exchanges that say something that is not so.
    pub wrong: usize,
    /// The first few complaints, in words.
    pub complaints: Vec<String>,
}

impl Judgement {
    /// Whether nothing is wrong and enough is complete.
    pub fn is_sound(&self) -> bool {
        self.wrong == 0 && self.untouched > 0 && self.share() >= LEAST
    }

    /// Share of the untouched requests' exchanges that have every fact.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn share(&self) -> f64 {
        self.complete as f64 / (self.untouched * PLACES).max(1) as f64
    }

    fn complain(&mut self, complaint: impl FnOnce() -> String) {
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push(complaint());
        }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} requests, {} wrong; {} requests outside the restarts, {} of their {} exchanges with every fact ({:.2} %)",
            self.requests,
            self.wrong,
            self.untouched,
            self.complete,
            self.untouched * PLACES,
            self.share() * 100.0
        )
    }
}

/// Judges what all agents saw. `untouched`: numbers of the requests that no restart touched.
pub(super) fn judge(
    ground: &Ground,
    made: &[Made],
    exchanges: &[Exchange],
    untouched: &BTreeSet<usize>,
) -> Judgement {
    let mut judgement = Judgement {
        requests: made.len(),
        ..Judgement::default()
    };
    let numbers: HashMap<&str, &Made> = made
        .iter()
        .filter_map(|made| Some((ground.names.get(made.number)?.as_str(), made)))
        .collect();
    let mut complete: HashMap<usize, [usize; PLACES]> = HashMap::new();
    let mut middles: HashMap<usize, (String, usize)> = HashMap::new();
    for exchange in exchanges {
        let Some(authority) = exchange.authority.as_deref() else {
            continue;
        };
        let Some(made) = numbers.get(authority) else {
            continue;
        };
        let flaws = match place_of(ground, made, exchange) {
            Ok(place) => {
                let mut flaws = flaws(ground, made, place, exchange);
                flaws.extend(middle(&mut middles, made, place, exchange));
                if flaws.is_empty() && is_complete(exchange) {
                    complete.entry(made.number).or_default()[place] += 1;
                }
                flaws
            }
            Err(flaw) => vec![flaw],
        };
        if !flaws.is_empty() {
            judgement.wrong += 1;
            judgement.complain(|| format!("wrong: {authority}: {}", flaws.join(", ")));
        }
    }
    for made in made.iter().filter(|made| untouched.contains(&made.number)) {
        judgement.untouched += 1;
        let seen = complete.get(&made.number).copied().unwrap_or_default();
        judgement.complete += seen.iter().filter(|count| **count == 1).count();
        if seen.iter().any(|count| *count != 1) {
            judgement.complain(|| {
                format!(
                    "incomplete: {} from {}, complete exchanges of client, proxy before and behind, upstream: {seen:?}",
                    ground.names[made.number], made.local
                )
            });
        }
    }
    judgement
}

/// By its process and role. An unknown role leaves the port to tell.
fn place_of(ground: &Ground, made: &Made, exchange: &Exchange) -> Result<usize, String> {
    let pid = exchange.process.pid;
    let role = exchange.role.as_deref();
    let place = if pid == made.pid {
        CLIENT
    } else if ground.upstream_pids.contains(&pid) {
        UPSTREAM
    } else if ground.proxy_pids.contains(&pid) {
        match role {
            Some("server") => FRONT,
            None if exchange.connection.local.as_deref() == Some(&ground.front) => FRONT,
            _ => BACK,
        }
    } else {
        return Err(format!("process {pid} has nothing to do with it"));
    };
    let expected = if place == CLIENT || place == BACK {
        "client"
    } else {
        "server"
    };
    match role {
        Some(role) if role != expected => Err(format!("role is {role} in process {pid}")),
        _ => Ok(place),
    }
}

/// Facts that are told and not so.
fn flaws(ground: &Ground, made: &Made, place: usize, exchange: &Exchange) -> Vec<String> {
    let name = &ground.names[made.number];
    let mut flaws = Vec::new();
    let mut check = |what: &str, seen: Option<&str>, known: &str| {
        if let Some(seen) = seen.filter(|seen| *seen != known) {
            flaws.push(format!("{what} is {seen}, not {known}"));
        }
    };
    let sni = match exchange.sni_state.as_str() {
        "absent" => Some("absent"),
        _ => exchange.sni.as_deref(),
    };
    check("sni", sni, name);
    check("method", exchange.method.as_deref(), "GET");
    let status = exchange.status.map(|status| status.to_string());
    check("status", status.as_deref(), &made.status.to_string());
    let number = exchange
        .connection
        .request_number
        .map(|number| number.to_string());
    check("request", number.as_deref(), "1");
    let local = exchange.connection.local.as_deref();
    let peer = exchange.connection.peer.as_deref();
    match place {
        CLIENT => {
            check("local", local, &made.local);
            check("peer", peer, &ground.front);
        }
        FRONT => {
            check("local", local, &ground.front);
            check("peer", peer, &made.local);
        }
        BACK => check("peer", peer, &ground.upstream),
        _ => check("local", local, &ground.upstream),
    }
    let certificate = if place == CLIENT || place == FRONT {
        &ground.proxy_certificate
    } else {
        &ground.upstream_certificate
    };
    let names = exchange.certificate.names.as_ref().map(|names| names.join(" "));
    check("certificate", names.as_deref(), &certificate.join(" "));
    flaws
}

/// The proxy does not tell its own port, but both sides of that connection have to agree on it.
fn middle(
    middles: &mut HashMap<usize, (String, usize)>,
    made: &Made,
    place: usize,
    exchange: &Exchange,
) -> Option<String> {
    let address = match place {
        BACK => exchange.connection.local.clone(),
        UPSTREAM => exchange.connection.peer.clone(),
        _ => None,
    }?;
    let (known, of) = middles
        .entry(made.number)
        .or_insert_with(|| (address.clone(), place));
    (*known != address).then(|| format!("the proxy's address is {address} in place {place}, {known} in {of}"))
}

/// Whether nothing that is told of an exchange is unknown.
fn is_complete(exchange: &Exchange) -> bool {
    let connection = &exchange.connection;
    exchange.role.is_some()
        && exchange.sni.is_some()
        && exchange.method.is_some()
        && exchange.status.is_some()
        && connection.request_number.is_some()
        && connection.local.is_some()
        && connection.peer.is_some()
        && exchange.certificate.names.is_some()
        && exchange.process.exe.is_some()
        && exchange.class != "undecided"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::exchange::{Certificate, Connection, Process};

    const OTHER: &str = "127.0.0.1:50000";

    fn ground() -> Ground {
        Ground {
            names: vec!["r0.a.example".to_owned()],
            front: "127.0.0.1:1".to_owned(),
            upstream: "127.0.0.1:2".to_owned(),
            proxy_pids: [10].into(),
            upstream_pids: [20].into(),
            proxy_certificate: vec!["*.a.example".to_owned()],
            upstream_certificate: vec!["*.a.example".to_owned()],
        }
    }

    fn made() -> Made {
        Made {
            number: 0,
            pid: 7,
            local: "127.0.0.1:40000".to_owned(),
            status: 200,
            started: 10,
        }
    }

    fn seen() -> Vec<Exchange> {
        let ends = [
            (7, "client", "127.0.0.1:40000", "127.0.0.1:1"),
            (10, "server", "127.0.0.1:1", "127.0.0.1:40000"),
            (10, "client", OTHER, "127.0.0.1:2"),
            (20, "server", "127.0.0.1:2", OTHER),
        ];
        ends.map(|(pid, role, local, peer)| Exchange {
            role: Some(role.to_owned()),
            method: Some("GET".to_owned()),
            authority: Some("r0.a.example".to_owned()),
            sni: Some("r0.a.example".to_owned()),
            sni_state: "sent".to_owned(),
            status: Some(200),
            class: "fine".to_owned(),
            connection: Connection {
                local: Some(local.to_owned()),
                peer: Some(peer.to_owned()),
                request_number: Some(1),
                ..Connection::default()
            },
            certificate: Certificate {
                names: Some(vec!["*.a.example".to_owned()]),
                ..Certificate::default()
            },
            process: Process {
                pid,
                exe: Some("/x".to_owned()),
                ..Process::default()
            },
            ..Exchange::default()
        })
        .into()
    }

    fn judged(exchanges: &[Exchange]) -> Judgement {
        judge(&ground(), &[made()], exchanges, &[0].into())
    }

    #[test]
    fn four_complete_exchanges_are_sound() {
        let judgement = judged(&seen());
        assert!(judgement.is_sound(), "{judgement} {:?}", judgement.complaints);
    }

    #[test]
    fn a_missing_exchange_is_incomplete() {
        let judgement = judged(&seen()[1..]);
        assert_eq!((judgement.complete, judgement.wrong), (3, 0));
        assert!(!judgement.is_sound());
    }

    #[test]
    fn an_unknown_fact_is_incomplete_and_not_wrong() {
        let mut exchanges = seen();
        exchanges[2].connection.local = None;
        let judgement = judged(&exchanges);
        assert_eq!((judgement.complete, judgement.wrong), (3, 0));
    }

    #[test]
    fn sides_that_disagree_are_wrong() {
        let mut exchanges = seen();
        exchanges[3].connection.peer = Some("127.0.0.1:50001".to_owned());
        assert_eq!(judged(&exchanges).wrong, 1);
    }

    #[test]
    fn another_requests_server_name_is_wrong() {
        let mut exchanges = seen();
        exchanges[1].sni = Some("r1.a.example".to_owned());
        assert_eq!(judged(&exchanges).wrong, 1);
    }

    #[test]
    fn a_request_touched_by_a_restart_need_not_be_seen() {
        let judgement = judge(&ground(), &[made()], &[], &BTreeSet::new());
        assert_eq!((judgement.untouched, judgement.wrong), (0, 0));
    }
}
