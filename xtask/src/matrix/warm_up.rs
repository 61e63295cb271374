//! Connections to a stripped program before anything is counted: the agent trusts what it found in the code of
//! such a program once some connections have shown that it is right, and tells nothing of it before.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::rig::agent::Agent;
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::coverage::Coverage;
use crate::rig::exchange::Exchange;
use crate::rig::metrics::Sample;
use crate::rig::scratch::Scratch;
use crate::rig::servers::Server;

/// By then the agent has to have seen enough.
const CONNECTIONS: usize = 60;
const PATIENCE: Duration = Duration::from_secs(30);
/// The agent may tell late what it learned of a connection.
const PAUSE: Duration = Duration::from_millis(200);

/// Makes connections to the stripped ones among the servers until the agent shows the exchanges of all their
/// processes. Returns what the agent lost by then: where it begins to trust a program in the midst of an exchange,
/// it sees the answer without the request.
///
/// # Errors
///
/// When it does not in time, with what it says instead; when a connection fails.
pub fn warm_up(agent: &Agent, servers: &[Server], scratch: &Scratch) -> Result<Vec<Sample>> {
    for server in servers.iter().filter(|server| server.stripped) {
        connect(agent, server, scratch)?;
    }
    agent.losses()
}

fn connect(agent: &Agent, server: &Server, scratch: &Scratch) -> Result<()> {
    let name = server.warm_up_name();
    let deadline = Instant::now() + PATIENCE;
    let mut made = 0;
    loop {
        let pids = server.pids();
        let lines = Coverage::of(&pids, &agent.inspect("coverage")?)?;
        if shows_all(&pids, &lines) {
            return Ok(());
        }
        if made == CONNECTIONS || Instant::now() > deadline {
            let lines: Vec<String> = lines.iter().map(Coverage::to_string).collect();
            bail!(
                "after {made} connections, the agent does not show the exchanges of {} ({pids:?}):\n{}",
                server.program,
                lines.join("\n")
            );
        }
        // By turns, as either may be what the program is used for.
        let version = [Version::Http1, Version::Http2][made % 2];
        let visit = Visit::new(Some(&name), &name, "/");
        curl::visit(scratch, server.port, version, &[visit])
            .with_context(|| format!("connection {made} to {}", server.program))?;
        made += 1;
        sleep(PAUSE);
    }
}

/// Whether an exchange is one of those that [`warm_up`] made. The agent may have come too late for its
/// authority.
pub fn is_warm_up(server: &Server, exchange: &Exchange) -> bool {
    let name = server.warm_up_name();
    [&exchange.authority, &exchange.sni]
        .into_iter()
        .any(|told| told.as_deref() == Some(name.as_str()))
}

/// Whether every process has a library, and every library is read.
fn shows_all(pids: &BTreeSet<u32>, lines: &[Coverage]) -> bool {
    let listed: BTreeSet<u32> = lines.iter().map(|line| line.process.pid).collect();
    listed == *pids && lines.iter().all(Coverage::shows_exchanges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::exchange::Process;

    fn line(pid: u32, visibility: &str) -> Coverage {
        Coverage {
            process: Process {
                pid,
                ..Process::default()
            },
            visibility: visibility.to_owned(),
            reason: None,
        }
    }

    #[test]
    fn every_process_has_to_be_shown() {
        let pids = [7, 8].into();
        let both = [line(7, "partial"), line(8, "partial")];
        assert!(shows_all(&pids, &both));
        assert!(!shows_all(&pids, &both[..1]), "one is not listed");
        assert!(!shows_all(&pids, &[line(7, "partial"), line(8, "nothing")]));
    }
}
