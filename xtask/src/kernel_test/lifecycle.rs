//! Connections whose objects, descriptors, ports and sessions are used again, and that shake hands more than once:
//! what both ends are seen to do is compared with what the program wrote down.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::world::start_agent;
use super::{Case, Setting};
use crate::rig::agent::Agent;
use crate::rig::certificate::Authority;
use crate::rig::clients::lifecycle::{Lifecycle, Told};

pub(super) const CASES: &[Case] = &[
    case("lifecycle::object_cleared", |setting| {
        let connections = [
            "sni=a.shop.example,host=one.example,requests=2",
            "sni=b.shop.example,host=two.example,requests=2,clear",
            "host=three.example,clear",
            "sni=a.shop.example,host=four.example,clear,tls=1.2",
            "sni=b.shop.example,host=five.example,clear,tls=1.2",
        ];
        check(setting, &connections, Allowed::NOTHING)
    }),
    case("lifecycle::two_thousand_objects", |setting| {
        let connections: Vec<String> = (0..OBJECTS)
            .map(|number| format!("sni={},host=host-{}.example", NAMES[number % 2], number % 8))
            .collect();
        check(setting, &connections, Allowed::NOTHING)
    }),
    case("lifecycle::descriptor_used_again", |setting| {
        let connections = [(0, ""), (1, ",keep"), (0, ",keep"), (1, "")]
            .map(|(name, keep)| format!("sni={},host=shop.example,requests=2{keep}", NAMES[name]));
        check(setting, &connections, Allowed::NOTHING)
    }),
    case("lifecycle::port_used_again", |setting| {
        let connections: Vec<String> = (0..PORTS)
            .map(|number| format!("sni={},host=host-{number}.example,port", NAMES[number % 2]))
            .collect();
        check(setting, &connections, Allowed::NOTHING)
    }),
    case("lifecycle::renegotiation", |setting| {
        let connections = ["client", "abbreviated", "server"]
            .map(|who| format!("sni=a.shop.example,host=shop.example,requests=6,tls=1.2,renegotiate={who}"));
        check(setting, &connections, Allowed::NOTHING)
    }),
    case("lifecycle::renegotiation_for_another_name", |setting| {
        // For whom the connection is after it, the wire cannot confirm: it is encrypted.
        let connections = [
            "sni=a.shop.example,host=shop.example,requests=4,tls=1.2,renegotiate=client,renamed=b.shop.example",
        ];
        let allowed = Allowed {
            name_after_half: true,
            ..Allowed::NOTHING
        };
        check(setting, &connections, allowed)
    }),
    case("lifecycle::resumption_tls12", |setting| {
        resumption(setting, "1.2")
    }),
    case("lifecycle::resumption_tls13", |setting| {
        resumption(setting, "1.3")
    }),
    case("lifecycle::hello_retry_request", |setting| {
        let connections = NAMES.map(|name| format!("sni={name},host=shop.example,requests=2,groups=P-384"));
        check(setting, &connections, Allowed::NOTHING)
    }),
    case("lifecycle::client_certificate", |setting| {
        let connections = ["1.2", "1.3"]
            .map(|tls| format!("sni=b.shop.example,host=shop.example,requests=2,tls={tls},certificate"));
        check(setting, &connections, Allowed::NOTHING)
    }),
    case("lifecycle::early_data", |setting| {
        let early = "sni=a.shop.example,host=shop.example,requests=3,resume";
        let connections = [
            "sni=a.shop.example,host=shop.example".to_owned(),
            format!("{early},early=accepted"),
            format!("{early},early=answered"),
            format!("{early},early=rejected"),
        ];
        check(setting, &connections, Allowed::RESUMED_CERTIFICATE)
    }),
    case("lifecycle::objects_with_two_owners", |setting| {
        let connections = ["dup=before", "dup=during", "up"]
            .map(|copy| format!("sni=b.shop.example,host=shop.example,requests=4,{copy}"));
        check(setting, &connections, Allowed::NOTHING)
    }),
];

const NAMES: [&str; 2] = ["a.shop.example", "b.shop.example"];
const OBJECTS: usize = 2_000;
const PORTS: usize = 20;
/// Complaints that are told; all are counted.
const COMPLAINTS: usize = 10;

/// Where a fact may be unknown. It may be wrong nowhere.
#[derive(Clone, Copy)]
struct Allowed {
    /// The server's certificate on a server that resumed the session: it does not present it.
    certificate_if_resumed: bool,
    /// The name after half of a connection's requests, which is counted as a conflict of names on both ends.
    name_after_half: bool,
}

impl Allowed {
    const NOTHING: Self = Self {
        certificate_if_resumed: false,
        name_after_half: false,
    };
    const RESUMED_CERTIFICATE: Self = Self {
        certificate_if_resumed: true,
        ..Self::NOTHING
    };
}

const fn case(name: &'static str, run: fn(&Setting) -> Result<String>) -> Case {
    Case {
        name,
        observes: true,
        run,
    }
}

/// Under the name of the session, and under another.
fn resumption(setting: &Setting, version: &str) -> Result<String> {
    let connections = [
        "sni=a.shop.example,host=shop.example",
        "sni=a.shop.example,host=shop.example,resume",
        "sni=b.shop.example,host=shop.example,resume",
    ];
    let connections = connections.map(|connection| format!("{connection},requests=2,tls={version}"));
    check(setting, &connections, Allowed::RESUMED_CERTIFICATE)
}

fn check(setting: &Setting, connections: &[impl ToString], allowed: Allowed) -> Result<String> {
    let scratch = &setting.scratch;
    let authority = Authority::new()?;
    let [a, b] = NAMES.map(|name| authority.certify(scratch, name, &[name], false));
    let certificates = [a?, b?];
    let program = Lifecycle::compile(scratch)?;
    let agent = start_agent(setting)?;
    let connections: Vec<String> = connections.iter().map(ToString::to_string).collect();
    let told = program.run(&certificates, &connections)?;
    let port = told.first().context("the program made no request")?.server;
    let expected = told.iter().map(|told| if told.lost { 1 } else { 2 }).sum();
    agent.settled_exchanges(&[port], expected)?;
    compare(&told, seen(&agent)?, port, allowed, &agent)
}

/// What is compared of an exchange.
#[derive(Debug, Deserialize)]
struct Seen {
    id: u64,
    role: Option<String>,
    authority: Option<String>,
    sni: Option<String>,
    sni_state: String,
    status: Option<u16>,
    connection: Connection,
    certificate: Certificate,
    process: Process,
}

#[derive(Debug, Deserialize)]
struct Connection {
    local: Option<String>,
    peer: Option<String>,
    request_number: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Certificate {
    names: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Process {
    pid: u32,
}

/// Everything, in the order it was told.
fn seen(agent: &Agent) -> Result<Vec<Seen>> {
    let lines = agent.inspect("exchanges")?;
    let mut seen: Vec<Seen> = lines
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("no exchange: {line}")))
        .collect::<Result<_>>()?;
    seen.sort_by_key(|seen| seen.id);
    Ok(seen)
}

/// Role, local and peer's address, position on the connection.
type Place = (String, String, String, u64);

fn compare(told: &[Told], seen: Vec<Seen>, port: u16, allowed: Allowed, agent: &Agent) -> Result<String> {
    let server = format!("127.0.0.1:{port}");
    let mut placed: BTreeMap<Place, VecDeque<Seen>> = BTreeMap::new();
    let mut result = Comparison::default();
    for seen in seen {
        let connection = &seen.connection;
        let ends = [&connection.local, &connection.peer];
        let pids = told.first().map_or([0; 2], |told| told.pids);
        if !ends.contains(&&Some(server.clone())) && !pids.contains(&seen.process.pid) {
            continue;
        }
        match place(&seen) {
            Some(place) => placed.entry(place).or_default().push_back(seen),
            None => result.complain(&format!("role, socket or position is unknown: {seen:?}")),
        }
    }
    let mut last = BTreeMap::new();
    for told in told {
        last.insert(told.connection, told.number);
    }
    for told in told {
        let client = format!("127.0.0.1:{}", told.client);
        let after_half = told.number > last[&told.connection] / 2;
        let sides = [
            ("client", client.clone(), server.clone(), told.pids[0]),
            ("server", server.clone(), client, told.pids[1]),
        ];
        for (role, local, peer, pid) in sides {
            if told.lost && role == "server" {
                continue;
            }
            let place = (role.to_owned(), local, peer, told.number);
            match placed.get_mut(&place).and_then(VecDeque::pop_front) {
                Some(seen) => {
                    let unknown_name = allowed.name_after_half && after_half;
                    let resumed = told.resumed && (role == "server" || told.lost);
                    let unknown_certificate = allowed.certificate_if_resumed && resumed;
                    result.exchange(told, &seen, pid, unknown_name, unknown_certificate);
                }
                None => result.complain(&format!("{role} was not seen: {told:?}")),
            }
        }
    }
    for surplus in placed.into_values().flatten() {
        result.complain(&format!("nobody made it: {surplus:?}"));
    }
    let mut losses = agent.losses()?;
    if allowed.name_after_half {
        losses.retain(|loss| !(loss.labels.contains("name_conflict") && loss.value <= 2.0));
    }
    ensure!(
        result.complaints == 0 && losses.is_empty(),
        "{} complaints{}\nlosses: {losses:?}",
        result.complaints,
        result.text
    );
    Ok(format!(
        "{} exchanges right; unknown: {} names, {} certificates",
        result.exchanges, result.unknown_names, result.unknown_certificates
    ))
}

fn place(seen: &Seen) -> Option<Place> {
    Some((
        seen.role.clone()?,
        seen.connection.local.clone()?,
        seen.connection.peer.clone()?,
        seen.connection.request_number?,
    ))
}

#[derive(Default)]
struct Comparison {
    exchanges: usize,
    unknown_names: usize,
    unknown_certificates: usize,
    complaints: usize,
    text: String,
}

impl Comparison {
    fn exchange(
        &mut self,
        told: &Told,
        seen: &Seen,
        pid: u32,
        unknown_name: bool,
        unknown_certificate: bool,
    ) {
        self.exchanges += 1;
        let name_is_unknown = seen.sni_state == "unknown" && unknown_name;
        let absent = told.sni.is_none() && seen.sni_state == "absent";
        let name = name_is_unknown || absent || told.sni.is_some() && seen.sni == told.sni;
        let certificate = match seen.certificate.names.as_deref() {
            Some([name]) => *name == told.certificate,
            Some(_) => false,
            None => unknown_certificate,
        };
        self.unknown_names += usize::from(name_is_unknown);
        self.unknown_certificates += usize::from(seen.certificate.names.is_none());
        let status = if told.lost { None } else { Some(200) };
        let rest = seen.authority.as_deref() == Some(&told.authority)
            && seen.status == status
            && seen.process.pid == pid;
        if !(name && certificate && rest) {
            self.complain(&format!("told {told:?}\n      seen {seen:?}"));
        }
    }

    fn complain(&mut self, complaint: &str) {
        if self.complaints < COMPLAINTS {
            // Writing to a string cannot fail.
            let _ = write!(self.text, "\n    {complaint}");
        }
        self.complaints += 1;
    }
}
