//! One exchange beside what the client knows of it, fact by fact.

use super::exchange::Exchange;
use super::truth::Truth;

/// How one fact came out over many exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// As the client says.
    pub right: usize,
    /// `null` where the client knows.
    pub unknown: usize,
    /// Something else than the client says.
    pub wrong: usize,
}

/// One fact of one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is called.
    pub name: &'static str,
    /// What the agent saw; `None`: unknown.
    pub seen: Option<String>,
    /// What is so.
    pub known: String,
}

impl Tally {
    /// Counts a fact, and says what is wrong with it.
    pub fn add(&mut self, fact: &Fact) -> Option<String> {
        let Fact { name, seen, known } = fact;
        match seen {
            Some(seen) if seen == known => {
                self.right += 1;
                None
            }
            Some(seen) => {
                self.wrong += 1;
                Some(format!("{name} is {seen}, not {known}"))
            }
            None => {
                self.unknown += 1;
                Some(format!("{name} is unknown, not {known}"))
            }
        }
    }
}

/// Everything but where the exchange belongs: neither the socket nor the position on the connection.
pub fn facts(truth: &Truth, role: &str, exchange: &Exchange) -> Vec<Fact> {
    let mut facts = vec![
        sni(truth, exchange),
        Fact {
            name: "authority",
            seen: exchange.authority.clone(),
            known: truth.authority.clone(),
        },
        status(truth, exchange),
        Fact {
            name: "method",
            seen: exchange.method.clone(),
            known: truth.method.clone(),
        },
        Fact {
            name: "protocol",
            seen: Some(exchange.protocol.clone()),
            known: truth.protocol.clone(),
        },
    ];
    if let Some(names) = &truth.certificate {
        facts.push(certificate(names, exchange));
    }
    if let Some(verdict) = &truth.verdict {
        facts.push(Fact {
            name: "verdict",
            seen: (!is_excused(exchange)).then(|| exchange.verdict.clone()),
            known: verdict.clone(),
        });
    }
    if role == "client" {
        facts.push(Fact {
            name: "pid",
            seen: Some(exchange.process.pid.to_string()),
            known: truth.pid.to_string(),
        });
        if let Some(exe) = &truth.exe {
            facts.push(Fact {
                name: "exe",
                seen: exchange.process.exe.clone(),
                known: exe.clone(),
            });
        }
    }
    facts
}

fn sni(truth: &Truth, exchange: &Exchange) -> Fact {
    let absent = "no server name";
    Fact {
        name: "sni",
        seen: match exchange.sni_state.as_str() {
            "absent" => Some(absent.to_owned()),
            _ => exchange.sni.clone(),
        },
        known: truth.sni.clone().unwrap_or_else(|| absent.to_owned()),
    }
}

/// An aborted exchange has no status: there, unknown and none are the same.
fn status(truth: &Truth, exchange: &Exchange) -> Fact {
    let none = "no status".to_owned();
    Fact {
        name: "status",
        seen: match exchange.status {
            None if truth.status.is_none() => Some(none.clone()),
            status => status.map(|status| status.to_string()),
        },
        known: truth.status.map_or(none, |status| status.to_string()),
    }
}

fn certificate(names: &[String], exchange: &Exchange) -> Fact {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names.join(" ")
    };
    Fact {
        name: "certificate",
        seen: exchange.certificate.names.as_deref().map(sorted),
        known: sorted(names),
    }
}

/// Whether there is no verdict because a fact that decides is unknown.
fn is_excused(exchange: &Exchange) -> bool {
    let fact_unknown = exchange.sni_state == "unknown"
        || exchange.authority.is_none()
        || exchange.status.is_none()
        || exchange.certificate.names.is_none()
        || exchange.connection.request_number.is_none();
    exchange.class == "undecided" && fact_unknown
}
