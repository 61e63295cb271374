//! `cargo xtask bench`: what observation costs the observed server, in one run, side by side.

mod figures;
mod load;
mod probes;
mod wire;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use self::figures::{Figures, Observer};
use self::load::Workload;
use crate::progress::Progress;
use crate::rig::agent::{Agent, Start};
use crate::rig::certificate::Authority;
use crate::rig::library::libssl_of;
use crate::rig::metrics::{self, Sample};
use crate::rig::network;
use crate::rig::nginx::{self, Nginx};
use crate::rig::scratch::Scratch;
use crate::{build, setup};

const PACKAGES: &[&str] = &["nginx", "nghttp2-client"];
/// nginx is pinned here, the load generator to the next one.
const SERVER_CPU: usize = 0;
/// The load generator.
const CLIENT: &str = "/usr/bin/h2load";

/// How long to measure.
#[derive(Debug, Args)]
pub struct Options {
    /// Rounds; each measures every case once, so that slow spells hit all alike
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// What looking at packets costs, instead: by tc and XDP, on loopback and a veth pair
    #[arg(long)]
    wire: bool,
}

/// Measures and prints the table.
///
/// # Errors
///
/// When nginx, the load generator or an observer cannot be run.
pub fn run(options: &Options) -> Result<ExitCode> {
    setup::run()?;
    if options.wire {
        setup::require_packages(&[network::PACKAGE])?;
        return wire::run(options, &build::agent()?);
    }
    setup::require_packages(PACKAGES)?;
    let binary = build::agent()?;
    let scratch = Scratch::new("bench")?;
    let library = ClientLibrary::copy(&scratch)?;
    let certificate = Authority::new()?.certify(&scratch, "bench", &["bench.example"], false)?;
    let nginx = Nginx::start(
        &scratch,
        nginx::Options {
            workers: 1,
            cpu: Some(SERVER_CPU),
            ..nginx::Options::new(&[certificate])
        },
    )?;
    let progress = Progress::new();
    let mut figures = Figures::default();
    for round in 1..=options.rounds {
        for observer in Observer::ALL {
            progress.step(format!(
                "round {round} of {}: {}",
                options.rounds,
                observer.name()
            ));
            let observing = observe(observer, &binary, &scratch, &library)?;
            for workload in Workload::ALL {
                let before = observing.counted()?;
                let rate =
                    workload.measure(nginx.port, SERVER_CPU + 1, options.seconds, &library.directory)?;
                figures.rate(workload, observer, rate);
                if let (Some(before), Some(after)) = (before, observing.counted()?) {
                    figures.traps(workload, after.since(before));
                }
            }
        }
    }
    drop(progress);
    println!(
        "nginx with one worker, requests/s: median of {} rounds. The load generator is not observed.",
        options.rounds
    );
    println!("{}", figures.table());
    Ok(ExitCode::SUCCESS)
}

/// A TLS library that only the load generator uses. What is measured is what the server pays; with one library for both,
/// the load generator would pay as well, and could not keep the server busy.
struct ClientLibrary {
    directory: PathBuf,
    file: PathBuf,
}

impl ClientLibrary {
    fn copy(scratch: &Scratch) -> Result<Self> {
        let directory = scratch.directory("client-library")?;
        let original = libssl_of(Path::new(CLIENT))?;
        let name = original.file_name().context("a library without a name")?;
        let file = directory.join(name);
        std::fs::copy(&original, &file).with_context(|| format!("cannot copy {}", original.display()))?;
        Ok(Self { directory, file })
    }
}

/// What observes, until it is dropped.
enum Observing {
    Nobody,
    EmptyProbes { _probes: probes::Probes },
    Wrongway { agent: Agent },
}

/// What the agent counted since it started.
#[derive(Clone, Copy, Debug)]
struct Counted {
    /// Hits of probes in libraries.
    hits: f64,
    /// Exchanges, as the server's process shows them.
    exchanges: f64,
}

impl Counted {
    fn since(self, before: Self) -> f64 {
        (self.hits - before.hits) / (self.exchanges - before.exchanges)
    }
}

impl Observing {
    /// `None` where nobody counts.
    fn counted(&self) -> Result<Option<Counted>> {
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

fn observe(
    observer: Observer,
    binary: &Path,
    scratch: &Scratch,
    library: &ClientLibrary,
) -> Result<Observing> {
    let empty = |place| {
        Ok(Observing::EmptyProbes {
            _probes: probes::Probes::attach(binary, scratch, place)?,
        })
    };
    match observer {
        Observer::Nobody => Ok(Observing::Nobody),
        Observer::EmptyExported => empty("exported"),
        Observer::EmptySites => empty("sites"),
        Observer::Wrongway => {
            let arguments = [OsString::from("--exclude"), library.file.clone().into_os_string()];
            match Agent::start_with(binary, scratch, &arguments)? {
                Start::Ready(agent) => Ok(Observing::Wrongway { agent }),
                Start::Unsupported(reason) => bail!("nothing can be compared here: {reason}"),
            }
        }
    }
}
