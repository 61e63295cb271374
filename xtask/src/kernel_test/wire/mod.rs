//! ClientHellos on the wire, in every shape in which they come: frames made by hand, between two network namespaces.

mod garbage;
mod shapes;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{Case, Setting};
use crate::rig::agent::{Agent, Start};
use crate::rig::frames;
use crate::rig::metrics;
use crate::rig::network::{CONTAINER, NODE, Pair};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "wire::hellos_of_every_shape",
        observes: true,
        run: every_shape,
    },
    Case {
        name: "wire::garbage_does_no_harm",
        observes: true,
        run: garbage::no_harm,
    },
    Case {
        name: "wire::interfaces_that_come_and_go",
        observes: true,
        run: come_and_go,
    },
    Case {
        name: "wire::watched_by_xdp",
        observes: true,
        run: by_xdp,
    },
];

/// A connection that no library shows is told after a while.
const SETTLE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

/// A node with an agent, and a container.
struct World<'a> {
    // Ended in this order.
    agent: Agent,
    pair: Pair,
    setting: &'a Setting,
}

impl<'a> World<'a> {
    fn new(setting: &'a Setting) -> Result<Self> {
        let pair = Pair::new()?;
        let agent = match Agent::start_inside(&pair.node, &setting.binary, &setting.scratch)? {
            Start::Ready(agent) => agent,
            Start::Unsupported(reason) => bail!("the agent cannot observe here: {reason}"),
        };
        Ok(Self { agent, pair, setting })
    }

    /// Sends frames from the container's end of a pair.
    fn send(&self, interface: &str, frames: &[Vec<u8>]) -> Result<()> {
        frames::send(&self.setting.scratch, &self.pair.container, interface, frames, 1)
    }

    /// Waits until connections with all these server names are known, and returns all that are.
    fn wait_for(&self, names: &BTreeSet<String>) -> Result<Vec<Value>> {
        let deadline = Instant::now() + SETTLE;
        loop {
            let connections = self
                .agent
                .inspect("connections")?
                .lines()
                .map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}")))
                .collect::<Result<Vec<Value>>>()?;
            let seen: BTreeSet<String> = connections
                .iter()
                .filter_map(|connection| connection["sni"].as_str().map(str::to_owned))
                .collect();
            let missing: Vec<_> = names.difference(&seen).collect();
            if missing.is_empty() {
                return Ok(connections);
            }
            ensure!(Instant::now() < deadline, "not seen: {missing:?}");
            sleep(POLL);
        }
    }

    /// Waits until the agent wrote this into its log so often.
    fn wait_for_log(&self, text: &str, times: usize) -> Result<()> {
        let deadline = Instant::now() + SETTLE;
        while self.agent.process.log_text().matches(text).count() < times {
            ensure!(
                Instant::now() < deadline,
                "no {text} in\n{}",
                self.agent.process.log_text()
            );
            sleep(POLL);
        }
        Ok(())
    }

    /// ClientHellos over TCP with this result.
    fn hellos(&self, result: &str) -> Result<f64> {
        let samples = self.pair.node.inside(|| self.agent.metrics())?;
        let labels = format!("result=\"{result}\",transport=\"tcp\"");
        let of_it = samples.into_iter().filter(|sample| sample.labels == labels);
        Ok(metrics::sum(
            &of_it.collect::<Vec<_>>(),
            "wrongway_client_hellos_total",
        ))
    }
}

fn every_shape(setting: &Setting) -> Result<String> {
    let world = World::new(setting)?;
    let shapes = shapes::all();
    let seen: BTreeSet<String> = shapes
        .iter()
        .filter(|shape| shape.seen)
        .map(shapes::Shape::server_name)
        .collect();
    for shape in &shapes {
        world.send(CONTAINER, &shape.frames)?;
    }
    let connections = world.wait_for(&seen)?;
    for shape in &shapes {
        let name = shape.server_name();
        let found: Vec<&Value> = connections
            .iter()
            .filter(|connection| connection["sni"] == name.as_str())
            .collect();
        ensure!(
            found.len() == usize::from(shape.seen),
            "{name}: {} connections: {found:?}",
            found.len()
        );
        for connection in found {
            ensure!(
                connection["client_hello"]["source"] == shape.client().as_str(),
                "{name} is not from {}: {connection}",
                shape.client()
            );
        }
    }
    Ok(format!("{} shapes, {} of them seen", shapes.len(), seen.len()))
}

fn come_and_go(setting: &Setting) -> Result<String> {
    const ROUNDS: usize = 5;
    let world = World::new(setting)?;
    let watched = |name: &str| format!("watching packets interface=\"{name}\"");
    world.wait_for_log(&watched(NODE), 1)?;
    let mut names = BTreeSet::new();
    for round in 1..=ROUNDS {
        world.pair.connect("node1", "pod1")?;
        world.wait_for_log(&watched("node1"), round)?;
        let name = format!("round-{round}.wire.example");
        let hello = frames::client_hello(&name, 517);
        let port = 50_000 + u16::try_from(round)?;
        world.send("pod1", &[shapes::segment(frames::ACK, port, 1, &hello)])?;
        names.insert(name);
        world.wait_for(&names)?;
        world.pair.node.ip("link delete node1")?;
        world.wait_for_log("gone interface=\"node1\"", round)?;
    }
    ensure!(world.hellos("complete")? > 0.0, "no ClientHello was counted");
    let losses = world.pair.node.inside(|| world.agent.losses())?;
    let attach: Vec<_> = losses
        .iter()
        .filter(|loss| loss.labels.contains("interface"))
        .collect();
    ensure!(attach.is_empty(), "losses: {attach:?}");
    Ok(format!("{ROUNDS} times"))
}

/// No other test watches by XDP unless tc is refused.
fn by_xdp(setting: &Setting) -> Result<String> {
    let arguments = ["--wire-mode", "xdp", "--interface", "lo"].map(OsString::from);
    let agent = match Agent::start_with(&setting.binary, &setting.scratch, &arguments)? {
        Start::Ready(agent) => agent,
        Start::Unsupported(reason) => bail!("the agent cannot observe here: {reason}"),
    };
    let log = agent.process.log_text();
    ensure!(
        log.contains("watching packets interface=\"lo\" mode=\"xdp-generic\""),
        "not watched by XDP:\n{log}"
    );
    Ok(String::new())
}
