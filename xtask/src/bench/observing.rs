//! Who observes a server while it is measured.

use std::ffi::OsString;
use std::path::Path;
use std::slice;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use super::client::ClientLibrary;
use super::figures::Observer;
use super::probes::Probes;
use super::subject::library_of;
use crate::matrix;
use crate::rig::agent::{Agent, Start};
use crate::rig::metrics::{self, Sample};
use crate::rig::scratch::Scratch;
use crate::rig::servers::Server;

/// For so long after it began the agent looks for the sockets of older connections, which costs more than what follows.
const SETTLED: Duration = Duration::from_secs(7);

/// What observes, until it is dropped.
pub(super) enum Observing {
    Nobody,
    EmptyProbes { _probes: Probes },
    Wrongway { agent: Agent },
}

/// What the agent counted since it started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    /// Hits of probes in libraries.
    hits: f64,
    /// Exchanges, as the server's process shows them.
    exchanges: f64,
}

impl Counted {
    /// Hits for each exchange.
    ///
    /// # Errors
    ///
    /// When no exchange came: then the server was not observed, and nothing was measured.
    pub(super) fn since(self, before: Self) -> Result<f64> {
        let exchanges = self.exchanges - before.exchanges;
        if exchanges > 0.0 {
            return Ok((self.hits - before.hits) / exchanges);
        }
        bail!(
            "the agent ran and saw no request, so it did not cost what it costs: try `wrongway run` and \
             `wrongway inspect coverage` with such a server"
        );
    }
}

impl Observing {
    /// Begins to observe a server that runs. `None` where this observer cannot.
    ///
    /// # Errors
    ///
    /// When probes cannot be attached, or the agent does not show what the server does.
    pub(super) fn begin(
        observer: Observer,
        server: &Server,
        binary: &Path,
        scratch: &Scratch,
        library: &ClientLibrary,
    ) -> Result<Option<Self>> {
        let empty = |place| {
            let probes = Probes::attach(binary, scratch, place, &library_of(server)?)?;
            Ok(Some(Self::EmptyProbes { _probes: probes }))
        };
        match observer {
            Observer::Nobody => Ok(Some(Self::Nobody)),
            // Its functions have no names, which is what such tools go by.
            Observer::EmptyExported if server.stripped => Ok(None),
            Observer::EmptyExported => empty("exported"),
            Observer::EmptySites => empty("sites"),
            Observer::Wrongway => {
                let arguments = [OsString::from("--exclude"), library.file.clone().into_os_string()];
                let agent = match Agent::start_with(binary, scratch, &arguments)? {
                    Start::Ready(agent) => agent,
                    Start::Unsupported(reason) => bail!("nothing can be compared here: {reason}"),
                };
                // Of a stripped program the agent first has to believe what it found, and does less until then.
                matrix::warm_up(&agent, slice::from_ref(server), scratch)?;
                thread::sleep(SETTLED);
                Ok(Some(Self::Wrongway { agent }))
            }
        }
    }

    /// `None` where nobody counts.
    pub(super) fn counted(&self) -> Result<Option<Counted>> {
        let Self::Wrongway { agent } = self else {
            return Ok(None);
        };
        let samples = agent.metrics()?;
        let sum = |name: &str, label: &str| {
            let with: Vec<Sample> = samples
                .iter()
                .filter(|sample| sample.labels.contains(label))
                .cloned()
                .collect();
            metrics::sum(&with, name)
        };
        Ok(Some(Counted {
            hits: sum("wrongway_probe_hits_total", "probe=\"SSL_"),
            exchanges: sum("wrongway_exchanges_total", "role=\"server\""),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_saw_nothing_was_not_measured() {
        let counted = |hits, exchanges| Counted { hits, exchanges };
        let traps = counted(70.0, 12.0).since(counted(10.0, 2.0)).unwrap();
        assert!((traps - 6.0).abs() < f64::EPSILON);
        assert!(counted(70.0, 2.0).since(counted(10.0, 2.0)).is_err());
    }
}
