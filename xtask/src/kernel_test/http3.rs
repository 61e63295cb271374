//! Connections of programs that cannot be looked into: what their `ClientHello`s say, over UDP and TCP.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::world::start_agent;
use super::{Case, Setting};
use crate::rig::agent::Agent;
use crate::rig::clients::quic::{self, Made, Visit};
use crate::rig::python::Python;
use crate::rig::servers::caddy::Caddy;

pub(super) const CASES: &[Case] = &[Case {
    name: "http3::server_names_of_caddy",
    observes: true,
    run: server_names,
}];

/// Connections over each transport.
const CONNECTIONS: usize = 16;
const SETTLE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(200);

fn server_names(setting: &Setting) -> Result<String> {
    let python = Python::ready()?;
    let caddy = Caddy::start(&setting.scratch, &python)?;
    let agent = start_agent(setting)?;
    let visits: Vec<Visit> = (0..2 * CONNECTIONS)
        .map(|number| Visit {
            sni: caddy.name(number),
            transport: if number % 2 == 0 { "quic" } else { "tcp" }.to_owned(),
        })
        .collect();
    let made = quic::visit(&setting.scratch, &python, caddy.port, &visits)?;
    ensure!(
        made.iter().all(|made| made.status == 200),
        "Caddy answers: {made:?}"
    );
    let connections = settled(&agent, &made)?;
    for made in &made {
        let seen = of(&connections, made);
        ensure!(!seen.is_empty(), "not seen: {made:?}");
        for connection in seen {
            check(&caddy, made, connection)?;
        }
    }
    let coverage = objects(&agent.inspect("coverage")?)?;
    let pid = caddy.process.pid();
    let visibility: Vec<&Value> = coverage
        .iter()
        .filter(|line| line["process"]["pid"] == pid)
        .map(|line| &line["visibility"])
        .collect();
    ensure!(
        visibility.iter().any(|visibility| **visibility == "sni_only"),
        "coverage of Caddy: {visibility:?}"
    );
    Ok(format!(
        "{} connections, {CONNECTIONS} of them over QUIC",
        made.len()
    ))
}

/// Whatever is said of a connection has to be so.
fn check(caddy: &Caddy, made: &Made, connection: &Value) -> Result<()> {
    let server = format!("127.0.0.1:{}", caddy.port);
    ensure!(
        connection["transport"] == made.visit.transport.as_str(),
        "{made:?} has the wrong transport: {connection}"
    );
    ensure!(
        connection["provenance"]["sni"] == "wire",
        "{made:?} is not known from the wire: {connection}"
    );
    let ends = [&connection["local"], &connection["peer"]];
    ensure!(
        ends.iter()
            .all(|end| end.is_null() || **end == made.local.as_str() || **end == server.as_str()),
        "{made:?} has the wrong addresses: {connection}"
    );
    // Whose it is may be unknown, but not somebody else's.
    let pid = connection["process"]["pid"].as_u64().unwrap_or_default();
    let owners = [0, u64::from(caddy.process.pid()), u64::from(made.pid)];
    ensure!(
        owners.contains(&pid),
        "{made:?} belongs to process {pid}: {connection}"
    );
    Ok(())
}

/// Waits until every connection was seen; what is missing is for the caller to judge.
fn settled(agent: &Agent, made: &[Made]) -> Result<Vec<Value>> {
    let deadline = Instant::now() + SETTLE;
    loop {
        let connections = objects(&agent.inspect("connections")?)?;
        let all = made.iter().all(|made| !of(&connections, made).is_empty());
        if all || Instant::now() > deadline {
            return Ok(connections);
        }
        sleep(POLL);
    }
}

/// Connections with the server name of this one.
fn of<'a>(connections: &'a [Value], made: &Made) -> Vec<&'a Value> {
    connections
        .iter()
        .filter(|connection| connection["sni"] == made.visit.sni.as_str())
        .collect()
}

fn objects(lines: &str) -> Result<Vec<Value>> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}")))
        .collect()
}
