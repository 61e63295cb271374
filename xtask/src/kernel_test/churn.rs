//! Connections that come and go leave nothing in the agent's maps.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::world::{NAME, World};
use super::{Case, Setting};
use crate::rig::bpf;
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};

pub(super) const CASES: &[Case] = &[Case {
    name: "churn::no_entry_stays_in_a_map",
    observes: true,
    run: no_leak,
}];

const CONNECTIONS: usize = 5_000;
/// The agent shows the latest exchanges only.
const COMPARED: usize = 1_000;
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
    let latest = world.demand_latest(&truths[CONNECTIONS - COMPARED..])?;
    Ok(format!("{before} map entries before, {after} after; {latest}"))
}
