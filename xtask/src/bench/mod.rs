//! `cargo xtask bench`: what observation costs the observed server, in one run, side by side.

mod client;
mod figures;
mod load;
mod observing;
mod probes;
mod subject;
mod wire;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use self::client::ClientLibrary;
use self::figures::{Figures, Observer};
use self::load::Workload;
use self::observing::Observing;
use self::subject::{Choice, Subject};
use crate::progress::Progress;
use crate::rig::network;
use crate::rig::nginx::{self, Nginx};
use crate::rig::scratch::Scratch;
use crate::rig::servers::{Measured, Server};
use crate::{build, setup};

/// The load generator's, what the backend is, and what makes the connections that the agent believes.
const PACKAGES: &[&str] = &["nghttp2-client", "nginx", "curl"];
/// Servers are pinned here.
const SERVER_CPU: usize = 0;
/// The load generator is pinned here, and so is what proxies fetch from: what it does is none of their cost.
const CLIENT_CPU: usize = 1;

/// How long to measure.
#[derive(Debug, Args)]
pub struct Options {
    /// Rounds; each measures every case once, so that slow spells hit all alike
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Server to measure; may be given several times
    #[arg(
        long,
        value_enum,
        value_name = "NAME",
        default_value = "nginx",
        conflicts_with = "wire"
    )]
    server: Vec<Choice>,
    /// What looking at packets costs, instead: by tc and XDP, on loopback and a veth pair
    #[arg(long)]
    wire: bool,
}

/// Measures and prints the tables.
///
/// # Errors
///
/// When a server, the load generator or an observer cannot be run.
pub fn run(options: &Options) -> Result<ExitCode> {
    setup::run()?;
    if options.wire {
        setup::require_packages(&[network::PACKAGE])?;
        return wire::run(options, &build::agent()?);
    }
    let subjects = subject::chosen(&options.server);
    let mut packages = PACKAGES.to_vec();
    packages.extend(subjects.iter().map(|subject| subject.package()));
    setup::require_packages(&packages)?;
    let binary = build::agent()?;
    let scratch = Scratch::new("bench")?;
    let library = ClientLibrary::copy(&scratch)?;
    let progress = Progress::new();
    progress.step("starting servers");
    let backend = backend(&scratch)?;
    let mut cases = subjects
        .into_iter()
        .map(|subject| Case::start(subject, &scratch, &backend))
        .collect::<Result<Vec<Case>>>()?;
    for case in &cases {
        progress.step(format!("{}: one pass that does not count", case.subject.name()));
        case.warm_up(&library)?;
    }
    for round in 1..=options.rounds {
        for case in &mut cases {
            for observer in Observer::ALL {
                let step = format!("{}, {}", case.subject.name(), observer.name());
                progress.step(format!("round {round} of {}: {step}", options.rounds));
                case.measure(observer, options.seconds, &binary, &scratch, &library)
                    .context(step)?;
            }
        }
    }
    drop(progress);
    println!(
        "One worker of each server, requests/s: median of {} rounds. The load generator is not observed.",
        options.rounds
    );
    for case in &cases {
        println!("\n{}", case.title());
        println!("{}", case.figures.table());
    }
    Ok(ExitCode::SUCCESS)
}

/// Has the large answers for proxies, in plain text, so that no TLS but the server's own is measured. Nothing that
/// observes is called there.
fn backend(scratch: &Scratch) -> Result<Nginx> {
    let options = nginx::Options {
        workers: 1,
        cpu: Some(CLIENT_CPU),
        ..nginx::Options::new(&[])
    };
    Nginx::start(scratch, options).context("cannot start the backend")
}

/// A server that runs, and what was measured of it.
struct Case {
    subject: Subject,
    server: Server,
    figures: Figures,
}

impl Case {
    fn start(subject: Subject, scratch: &Scratch, backend: &Nginx) -> Result<Self> {
        let measured = Measured {
            cpu: SERVER_CPU,
            backend: backend.port,
        };
        Ok(Self {
            subject,
            server: subject.start(scratch, measured)?,
            figures: Figures::default(),
        })
    }

    /// Without it, whoever is measured first would pay for cold caches, and for what a compiler at run time has not
    /// come to yet.
    fn warm_up(&self, library: &ClientLibrary) -> Result<()> {
        for workload in Workload::ALL {
            workload
                .measure(self.server.port, CLIENT_CPU, 1, &library.directory)
                .with_context(|| format!("{}, {}", self.subject.name(), workload.name()))?;
        }
        Ok(())
    }

    fn measure(
        &mut self,
        observer: Observer,
        seconds: u32,
        binary: &Path,
        scratch: &Scratch,
        library: &ClientLibrary,
    ) -> Result<()> {
        let observing = Observing::begin(observer, &self.server, binary, scratch, library)?;
        let Some(observing) = observing else {
            return Ok(());
        };
        for workload in Workload::ALL {
            let before = observing.counted()?;
            let rate = workload
                .measure(self.server.port, CLIENT_CPU, seconds, &library.directory)
                .context(workload.name())?;
            self.figures.rate(workload, observer, rate);
            if let (Some(before), Some(after)) = (before, observing.counted()?) {
                self.figures
                    .traps(workload, after.since(before).context(workload.name())?);
            }
        }
        Ok(())
    }

    fn title(&self) -> String {
        let name = self.subject.name();
        if self.subject.fetches() {
            format!(
                "{name}, which fetches 100 kB and 10 MB in plain text from an nginx beside the load generator"
            )
        } else {
            name.to_owned()
        }
    }
}
