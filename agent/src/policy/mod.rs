//! What the operator says: whom to trust, which names belong together, what to keep quiet about, when to alert.
//!
//! A policy adds facts to what was seen ([`Policy::learned`]); it never changes a verdict in another way.

pub mod gateway;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::alert::Rule;
use crate::connection::Process;
use crate::verdict::Learned;
use crate::verdict::name::Host;

use gateway::Listener;

/// A policy, whole and valid.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Policy {
    /// Clients that may mix names on a connection (verdict `trusted_gateway`).
    pub trusted_gateways: Vec<Party>,
    /// Servers that are forward proxies (verdict `proxy_generated_421`).
    pub forward_proxies: Vec<Party>,
    /// Servers that are alternative services (RFC 7838; verdict `altsvc_421`).
    pub alternative_services: Vec<AlternativeService>,
    /// Groups of names that share a connection on purpose.
    pub shared_names: Vec<Vec<Pattern>>,
    /// Listeners of Gateways.
    pub listeners: Vec<Listener>,
    /// Names to keep quiet about.
    pub privacy: Privacy,
    /// How much is kept.
    pub limits: Limits,
    /// How long things belong together.
    pub windows: Windows,
    /// When to alert.
    pub rules: Vec<Rule>,
    /// Whom to tell.
    pub sinks: Sinks,
}

/// A party to a connection. It is meant if every part that is set fits; at least one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// Its address lies in one of these networks.
    pub networks: Vec<Network>,
    /// Its port.
    pub port: Option<u16>,
    /// Path, or file name, of its executable.
    pub process: Option<String>,
    /// Name of its workload, as `namespace/name` or `name`.
    pub workload: Option<String>,
}

/// Addresses with a common prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// The prefix; the bits after it are zero.
    pub address: IpAddr,
    /// Its length in bits.
    pub length: u8,
}

/// A server that stands in for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlternativeService {
    /// The server.
    pub server: Party,
    /// Names that it stands in for; empty: all.
    pub names: Vec<Pattern>,
}

/// A name, or every name below one: `*.` stands for one label or more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// This name.
    Exact(String),
    /// Every name below this one.
    Below(String),
}

/// Names to keep quiet about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// Exchanges for these are judged and counted without names, and never listed.
    pub ignore: Vec<Pattern>,
    /// These are shown as a keyed hash everywhere.
    pub hash: Vec<Pattern>,
}

/// How much is kept; every number is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Different combinations of names in `wrongway_findings_total`.
    pub metric_names: usize,
    /// Alerts that may fire at once, for each rule.
    pub alerts_per_rule: usize,
    /// Listeners that are remembered.
    pub listeners: usize,
    /// Names that are remembered for each listener.
    pub names_per_listener: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            metric_names: 500,
            alerts_per_rule: 100,
            listeners: 1024,
            names_per_listener: 256,
        }
    }
}

/// How long things belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// What a client does after a 421 is its answer to it within this time.
    pub retry: Duration,
    /// A 421 within this time after the last was cured is ping-pong.
    pub ping_pong: Duration,
    /// What is known of a listener is forgotten when it was not seen for this long.
    pub listener: Duration,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            retry: Duration::from_secs(10),
            ping_pong: Duration::from_mins(5),
            listener: Duration::from_hours(24),
        }
    }
}

/// Whom to tell of alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sinks {
    /// The agent's log.
    pub log: bool,
    /// The findings journal, if there is one.
    pub journal: bool,
    /// URLs that are sent a JSON object for each change.
    pub webhooks: Vec<String>,
    /// Base URLs of Alertmanagers, which are sent alerts with their API v2.
    pub alertmanagers: Vec<String>,
    /// Labels that every alert has, such as `cluster`.
    pub labels: BTreeMap<String, String>,
}

impl Default for Sinks {
    fn default() -> Self {
        Self {
            log: true,
            journal: true,
            webhooks: Vec::new(),
            alertmanagers: Vec::new(),
            labels: BTreeMap::new(),
        }
    }
}

/// An exchange, as far as the policy asks about it. What is not known fits nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Situation<'a> {
    /// The server's socket.
    pub server: Option<SocketAddr>,
    /// The server's process, if it is on this machine.
    pub server_process: Option<&'a Process>,
    /// The client's socket.
    pub client: Option<SocketAddr>,
    /// The client's process, if it is on this machine.
    pub client_process: Option<&'a Process>,
    /// The server name; `None` also where none was sent, or it is not known.
    pub sni: Option<&'a Host>,
    /// Whether it is known that no server name was sent.
    pub without_sni: bool,
    /// The effective authority.
    pub authority: Option<&'a Host>,
}

impl Policy {
    /// What the policy says of an exchange: `trusted_gateway`, `forward_proxy`, `alternative_service`,
    /// `same_listener`.
    pub fn learned(&self, situation: &Situation<'_>) -> Learned {
        let _ = situation;
        Learned::default()
    }
}
