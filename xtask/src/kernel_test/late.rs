//! Connections that are older than the agent: read from where they can be entered, every fact right or unknown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::world::{NAME, SIBLING, STRANGER, start_agent, start_nginx};
use super::{Case, Setting};
use crate::rig::agent::Agent;
use crate::rig::clients::held::{Held, Program, Visit};
use crate::rig::exchange::Exchange;
use crate::rig::truth::Truth;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "late::http1_by_descriptor",
        observes: true,
        run: |setting| http1(setting, Program::Python),
    },
    Case {
        name: "late::http1_from_memory",
        observes: true,
        run: |setting| http1(setting, Program::NodeHttp1),
    },
    Case {
        name: "late::http2_after_a_round_trip",
        observes: true,
        run: http2,
    },
    Case {
        name: "late::http2_killed_in_mid_load",
        observes: true,
        run: killed,
    },
];

/// No two share an authority, so that it tells the status.
const VISITS: [(Visit<'_>, u16); 4] = [
    (visit(NAME, "/"), 200),
    (visit(SIBLING, "/missing"), 404),
    (visit(STRANGER, "/empty"), 204),
    (visit("c.shop.example", "/forbidden"), 403),
];
/// How long the agent may take to see an exchange of a connection that is never idle.
const SIGHT: Duration = Duration::from_mins(1);

/// How many facts came out how.
#[derive(Default)]
struct Tally {
    exchanges: usize,
    authorities: usize,
    sockets: usize,
}

fn http1(setting: &Setting, program: Program) -> Result<String> {
    let nginx = start_nginx(&setting.scratch, None)?;
    let mut client = Held::start(&setting.scratch, program, nginx.port, NAME)?;
    let visits = VISITS.map(|(visit, _)| visit);
    client.visit(&visits)?;
    let agent = start_agent(setting)?;
    let truths = client.visit(&[visits, visits].concat())?;
    let tally = compare(&agent, nginx.port, &truths, 0)?;
    ensure!(
        tally.authorities == tally.exchanges,
        "{} of {} authorities",
        tally.authorities,
        tally.exchanges
    );
    Ok(tally.text())
}

/// Authorities that the client put into its table before the agent came are unknown; literal ones, and those put there
/// since, are known.
fn http2(setting: &Setting) -> Result<String> {
    let nginx = start_nginx(&setting.scratch, None)?;
    let mut client = Held::start(&setting.scratch, Program::NodeHttp2, nginx.port, NAME)?;
    let [(old, _), (other, _), (literal, _), (new, _)] = VISITS;
    let literal = Visit {
        literal: true,
        ..literal
    };
    for visit in [old, other, literal, old, other] {
        client.visit(&[visit])?;
    }
    let agent = start_agent(setting)?;
    let mut truths = Vec::new();
    for visit in [old, other, literal, new, new, old, literal, new] {
        truths.extend(client.visit(&[visit])?);
    }
    let tally = compare(&agent, nginx.port, &truths, 1)?;
    // On both sides: two literal ones, three of the new.
    ensure!(tally.authorities >= 10, "{} of 14 authorities", tally.authorities);
    Ok(tally.text())
}

/// Eight streams at a time, and never idle, while one agent is killed and the next comes.
fn killed(setting: &Setting) -> Result<String> {
    let nginx = start_nginx(&setting.scratch, None)?;
    let mut client = Held::start(&setting.scratch, Program::NodeHttp2, nginx.port, NAME)?;
    let visits = VISITS.map(|(visit, _)| visit);
    let literal = visits.map(|visit| Visit {
        literal: true,
        ..visit
    });
    let batch = [visits, literal].concat();
    client.visit(&batch)?;
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut made = 0;
            while !ended.load(Ordering::Relaxed) {
                made += client.visit(&batch)?.len();
            }
            anyhow::Ok(made)
        });
        let seen = (|| {
            let mut first = start_agent(setting)?;
            sighted(&first, nginx.port)?;
            first.process.kill()?;
            let second = first.restart()?;
            sighted(&second, nginx.port)
        })();
        ended.store(true, Ordering::Relaxed);
        let made = load.join().map_err(|_| anyhow!("the load panicked"))??;
        let seen = seen?;
        let mut tally = Tally::default();
        for exchange in &seen {
            tally.count(exchange);
            let status = exchange.authority.as_ref().map(|authority| {
                let known = VISITS.iter().find(|(visit, _)| visit.authority == authority);
                known.map_or(0, |(_, status)| *status)
            });
            ensure!(
                exchange.sni.as_deref() == Some(NAME)
                    && exchange.method.as_deref() == Some("GET")
                    && exchange.connection.request_number.is_none()
                    && (status.is_none() || exchange.status.is_none() || exchange.status == status),
                "wrong: {exchange:?}"
            );
        }
        Ok(format!("{} of {made} requests", tally.text()))
    })
}

/// Waits until each side showed some exchanges of this port.
fn sighted(agent: &Agent, port: u16) -> Result<Vec<Exchange>> {
    const ENOUGH: usize = 50;
    let deadline = Instant::now() + SIGHT;
    loop {
        let mut exchanges = agent.exchanges()?;
        exchanges.retain(|exchange| exchange.touches(&[port]));
        let of = |role: &str| {
            let of_role = exchanges
                .iter()
                .filter(|exchange| exchange.role.as_deref() == Some(role));
            of_role.count()
        };
        if of("server") >= ENOUGH && of("client") >= ENOUGH {
            return Ok(exchanges);
        }
        ensure!(
            Instant::now() < deadline,
            "{} exchanges of the server and {} of the client in {SIGHT:?}; losses: {:?}",
            of("server"),
            of("client"),
            agent.losses()?
        );
        thread::sleep(Duration::from_millis(100));
    }
}

/// Demands of both sides that all but the first `missed` requests were seen, in their order, with nothing wrong and
/// server name, status, method and protocol right.
fn compare(agent: &Agent, port: u16, truths: &[Truth], missed: usize) -> Result<Tally> {
    let seen = &truths[missed..];
    let exchanges = agent.settled_exchanges(&[port], seen.len() * 2)?;
    let first = truths.first().context("no request was made")?;
    let mut tally = Tally::default();
    for role in ["server", "client"] {
        let side: Vec<_> = exchanges
            .iter()
            .filter(|exchange| is_of(exchange, role, first))
            .collect();
        ensure!(
            side.len() == seen.len(),
            "{} exchanges of the {role} instead of {}; losses: {:?}",
            side.len(),
            seen.len(),
            agent.losses()?
        );
        for (exchange, truth) in side.into_iter().zip(seen) {
            tally.count(exchange);
            check(exchange, truth)
                .with_context(|| format!("the {role} says {exchange:?}, the truth is {truth:?}"))?;
        }
    }
    Ok(tally)
}

fn is_of(exchange: &Exchange, role: &str, truth: &Truth) -> bool {
    exchange.role.as_deref() == Some(role)
        && match role {
            "client" => exchange.process.pid == truth.pid,
            _ => exchange.connection.local.as_deref() == Some(&truth.peer),
        }
}

fn check(exchange: &Exchange, truth: &Truth) -> Result<()> {
    let client = truth.local.as_ref().context("the client tells its address")?;
    let (near, far) = match exchange.role.as_deref() {
        Some("client") => (client, &truth.peer),
        _ => (&truth.peer, client),
    };
    let right_or_unknown =
        |seen: &Option<String>, known: &String| seen.is_none() || seen.as_ref() == Some(known);
    ensure!(exchange.sni == truth.sni, "the server name is wrong");
    ensure!(
        exchange.authority.is_some() || exchange.class == "undecided",
        "a verdict on an unknown authority"
    );
    ensure!(exchange.status == truth.status, "the status is wrong");
    ensure!(
        exchange.method.as_ref() == Some(&truth.method),
        "the method is wrong"
    );
    ensure!(exchange.protocol == truth.protocol, "the protocol is wrong");
    ensure!(
        right_or_unknown(&exchange.authority, &truth.authority),
        "the authority is wrong"
    );
    ensure!(
        right_or_unknown(&exchange.connection.local, near)
            && right_or_unknown(&exchange.connection.peer, far),
        "the socket is wrong"
    );
    ensure!(
        exchange.connection.request_number.is_none(),
        "earlier requests were not seen, so there is no number"
    );
    let asked = |name: &String| VISITS.iter().any(|(visit, _)| visit.authority == name);
    ensure!(
        exchange.connection.prior_authorities.iter().all(asked),
        "an earlier authority is wrong"
    );
    Ok(())
}

impl Tally {
    fn count(&mut self, exchange: &Exchange) {
        self.exchanges += 1;
        self.authorities += usize::from(exchange.authority.is_some());
        self.sockets += usize::from(exchange.connection.local.is_some());
    }

    fn text(&self) -> String {
        format!(
            "{} exchanges, {} authorities known, {} sockets",
            self.exchanges, self.authorities, self.sockets
        )
    }
}

const fn visit(authority: &'static str, path: &'static str) -> Visit<'static> {
    Visit {
        authority,
        path,
        literal: false,
    }
}
