//! The agent ends in the middle of a load: nothing of it stays in the kernel, and nobody notices.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};

use super::world::{NAME, World, start_nginx};
use super::{Case, Setting};
use crate::rig::bpf;
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "departure::killed_in_mid_load",
        observes: true,
        run: |setting| depart(setting, Way::Killed),
    },
    Case {
        name: "departure::terminated_in_mid_load",
        observes: true,
        run: |setting| depart(setting, Way::Asked),
    },
    Case {
        name: "departure::server_gone_in_mid_load",
        observes: true,
        run: server_gone,
    },
];

const REQUESTS: usize = 3_000;
/// The load takes longer than this.
const HEAD_START: Duration = Duration::from_millis(300);

#[derive(Clone, Copy)]
enum Way {
    /// SIGKILL
    Killed,
    /// SIGTERM
    Asked,
}

fn depart(setting: &Setting, way: Way) -> Result<String> {
    let World {
        mut agent,
        nginx,
        scratch,
    } = World::new(setting)?;
    let held = bpf::held_by(agent.process.pid())?;
    ensure!(!held.is_empty(), "the agent holds no eBPF object while it runs");
    let visits = vec![Visit::new(Some(NAME), NAME, "/"); REQUESTS];
    let truths = thread::scope(|scope| {
        let load = scope.spawn(|| curl::visit(scratch, nginx.port, Version::Http1, &visits));
        thread::sleep(HEAD_START);
        match way {
            Way::Killed => drop(agent.process.kill()?),
            Way::Asked => {
                let status = agent.process.stop()?;
                ensure!(status.success(), "SIGTERM ended the agent with {status}");
            }
        }
        load.join().map_err(|_| anyhow!("the load panicked"))?
    })?;
    bpf::wait_until_gone(&held)?;
    let failed = truths.iter().filter(|truth| truth.status != Some(200)).count();
    ensure!(failed == 0, "{failed} of {REQUESTS} requests failed");
    Ok(format!(
        "{REQUESTS} requests answered, {} kernel objects gone",
        held.len()
    ))
}

/// The observed server is killed; the agent goes on and observes the next one.
fn server_gone(setting: &Setting) -> Result<String> {
    let mut world = World::new(setting)?;
    let visits = vec![Visit::new(Some(NAME), NAME, "/"); 10];
    curl::visit(world.scratch, world.nginx.port, Version::Http1, &visits)?;
    world.nginx.kill()?;
    world.nginx = start_nginx(world.scratch, None).context("the second nginx")?;
    let truths = curl::visit(world.scratch, world.nginx.port, Version::Http1, &visits)?;
    world.demand(&truths)
}
