//! Connections that come and go leave nothing in the agent's maps.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::world::{NAME, World};
use super::{Case, Setting};
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::{bpf, metrics};

pub(super) const CASES: &[Case] = &[Case {
    name: "churn::no_entry_stays_in_a_map",
    observes: true,
    run: no_leak,
}];

const CONNECTIONS: usize = 5_000;
/// Exchanges of them: both sides of each.
const EXCHANGES: f64 = 10_000.0;
/// Entries that the rest of the machine may add meanwhile: a leak would be in the thousands.
const OTHERS: usize = CONNECTIONS / 100;
/// Entries may outlive their connection for a moment.
const RELEASE: Duration = Duration::from_secs(10);

fn no_leak(setting: &Setting) -> Result<String> {
    let world = World::new(setting)?;
    let pid = world.agent.process.pid();
    let before = bpf::hash_entries(pid)?;
    let visits = vec![Visit::new(Some(NAME), NAME, "/").closing(); CONNECTIONS];
    let truths = curl::visit(world.scratch, world.nginx.port, Version::Http1, &visits)?;
    let deadline = Instant::now() + RELEASE;
    let mut after = bpf::hash_entries(pid)?;
    while after > before + OTHERS && Instant::now() < deadline {
        sleep(Duration::from_millis(200));
        after = bpf::hash_entries(pid)?;
    }
    ensure!(
        after <= before + OTHERS,
        "{before} entries before {CONNECTIONS} connections, {after} after"
    );
    // Both sides of each, once. Ports repeat among so many connections, so what is compared is the number.
    let seen = metrics::sum(&world.agent.metrics()?, "wrongway_exchanges_total");
    ensure!(
        truths.iter().all(|truth| truth.status == Some(200)),
        "a request was not answered"
    );
    ensure!(
        (seen - EXCHANGES).abs() < 0.5,
        "{seen} exchanges of {CONNECTIONS} requests"
    );
    let losses = world.agent.losses()?;
    ensure!(
        losses.iter().all(|loss| loss.labels.contains("stage=\"store\"")),
        "losses: {losses:?}"
    );
    Ok(format!(
        "{before} map entries before, {after} after; {seen} exchanges"
    ))
}
