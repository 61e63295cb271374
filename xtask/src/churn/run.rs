//! Drives the load, kills the agent in the middle, and gathers what each agent saw.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::judge::{Ground, Judgement, judge};
use super::load::{self, Load, Made};
use crate::rig::agent::{Agent, Start};
use crate::rig::exchange::Exchange;
use crate::rig::python::Python;
use crate::rig::scratch::Scratch;
use crate::rig::servers::proxy::Proxy;
use crate::rig::servers::{PROGRAMS, Server};

/// How much.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Connections of the client; the proxy makes as many.
    pub connections: usize,
    /// How often the agent is killed.
    pub kills: usize,
}

/// What a request leaves behind: both sides of two connections.
const EXCHANGES: usize = 4;
/// The agent keeps ten thousand exchanges; it is asked well before so many have come.
const POLL: Duration = Duration::from_millis(300);
/// What ended is told within this time.
const SETTLE: Duration = Duration::from_secs(20);

/// Runs the load through a proxy before nginx and judges what was seen.
///
/// # Errors
///
/// When servers, clients or the agent cannot be run.
pub fn run_with(binary: &Path, scratch: &Scratch, proxy: Proxy, size: Size) -> Result<Judgement> {
    let python = Python::ready()?;
    let program = PROGRAMS.iter().find(|program| program.name == "nginx");
    let upstream = program
        .context("nginx is no program of the matrix")?
        .start(scratch, &python)?;
    let front = proxy.start(scratch, &python, &upstream)?;
    let mut agent = match Agent::start(binary, scratch)? {
        Start::Ready(agent) => agent,
        Start::Unsupported(reason) => bail!("the agent cannot observe here: {reason}"),
    };
    // Not before: a server listens before its workers are there.
    let ground = ground(&front, &upstream, size.connections);
    let mut untouched = BTreeSet::new();
    let mut exchanges = Vec::new();
    let mut ready = load::now();
    let load = Load::start(scratch, front.port, &ground.names)?;
    for kill in 1..=size.kills {
        let share = size.connections * kill / (size.kills + 1);
        let mut follower = Follower::default();
        follower.follow(&agent, || load.count() >= share || load.is_over())?;
        let ended = begun_after(ready, &load.made());
        follower.settle(&agent, &ground, &ended)?;
        agent.process.kill()?;
        exchanges.append(&mut follower.exchanges);
        untouched.extend(ended);
        agent = agent.restart()?;
        ready = load::now();
    }
    let mut follower = Follower::default();
    follower.follow(&agent, || load.is_over())?;
    let made = load.finish()?;
    ensure!(
        made.len() == size.connections,
        "the load made {} connections of {}",
        made.len(),
        size.connections
    );
    let ended = begun_after(ready, &made);
    follower.settle(&agent, &ground, &ended)?;
    exchanges.append(&mut follower.exchanges);
    untouched.extend(ended);
    Ok(judge(&ground, &made, &exchanges, &untouched))
}

/// Numbers of the requests that began after this time.
fn begun_after(time: u64, made: &[Made]) -> Vec<usize> {
    made.iter()
        .filter(|made| made.started > time)
        .map(|made| made.number)
        .collect()
}

fn ground(front: &Server, upstream: &Server, connections: usize) -> Ground {
    let numbers = 0..u32::try_from(connections).unwrap_or(u32::MAX);
    let names: Vec<String> = numbers.map(|number| upstream.own(number)).collect();
    let certificate = |server: &Server| server.presented(names.first().map(String::as_str)).names.clone();
    Ground {
        front: format!("127.0.0.1:{}", front.port),
        upstream: format!("127.0.0.1:{}", upstream.port),
        proxy_pids: front.pids(),
        upstream_pids: upstream.pids(),
        proxy_certificate: certificate(front),
        upstream_certificate: certificate(upstream),
        names,
    }
}

/// Reads the exchanges of one agent as they come: it keeps only so many.
#[derive(Default)]
struct Follower {
    exchanges: Vec<Exchange>,
    latest: u64,
}

impl Follower {
    /// Until something is over.
    fn follow(&mut self, agent: &Agent, over: impl Fn() -> bool) -> Result<()> {
        while !over() {
            sleep(POLL);
            self.poll(agent)?;
        }
        Ok(())
    }

    /// Until these requests were seen everywhere; what is missing is for others to judge.
    fn settle(&mut self, agent: &Agent, ground: &Ground, numbers: &[usize]) -> Result<()> {
        let deadline = Instant::now() + SETTLE;
        while !self.has_all(ground, numbers) && Instant::now() < deadline {
            self.poll(agent)?;
            sleep(POLL);
        }
        Ok(())
    }

    fn has_all(&self, ground: &Ground, numbers: &[usize]) -> bool {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for authority in self
            .exchanges
            .iter()
            .filter_map(|exchange| exchange.authority.as_deref())
        {
            *seen.entry(authority).or_default() += 1;
        }
        let count = |number: &usize| {
            seen.get(ground.names[*number].as_str())
                .copied()
                .unwrap_or_default()
        };
        numbers.iter().all(|number| count(number) >= EXCHANGES)
    }

    fn poll(&mut self, agent: &Agent) -> Result<()> {
        let mut news = agent.exchanges_since(self.latest)?;
        self.latest = news
            .iter()
            .map(|exchange| exchange.id)
            .fold(self.latest, u64::max);
        self.exchanges.append(&mut news);
        Ok(())
    }
}
