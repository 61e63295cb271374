//! `cargo xtask bench`: what observation costs the observed server, in one run, side by side.

mod load;
mod probes;
mod wire;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use comfy_table::{CellAlignment, Table};

use self::load::Workload;
use crate::progress::Progress;
use crate::rig::agent::{Agent, Start};
use crate::rig::certificate::Authority;
use crate::rig::network;
use crate::rig::nginx::{self, Nginx};
use crate::rig::scratch::Scratch;
use crate::style;
use crate::{build, setup};

const PACKAGES: &[&str] = &["nginx", "nghttp2-client"];
/// nginx is pinned here, the load generator to the next one.
const SERVER_CPU: usize = 0;

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

/// Who observes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Observer {
    Nobody,
    EmptyProbes,
    Wrongway,
}

const OBSERVERS: [Observer; 3] = [Observer::Nobody, Observer::EmptyProbes, Observer::Wrongway];

/// Requests a second, by what was measured, one figure for each round.
type Figures = BTreeMap<(Workload, Observer), Vec<f64>>;

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
    let certificate = Authority::new()?.certify(&scratch, "bench", &["bench.example"], false)?;
    let nginx = Nginx::start(
        &scratch,
        nginx::Options {
            certificates: &[certificate],
            workers: 1,
            upgrade_to: None,
            cpu: Some(SERVER_CPU),
        },
    )?;
    let progress = Progress::new();
    let mut figures = Figures::new();
    for round in 1..=options.rounds {
        for observer in OBSERVERS {
            progress.step(format!(
                "round {round} of {}: {}",
                options.rounds,
                observer.name()
            ));
            let _observing = observe(observer, &binary, &scratch)?;
            for workload in Workload::ALL {
                let rate = workload.measure(nginx.port, SERVER_CPU + 1, options.seconds)?;
                figures.entry((workload, observer)).or_default().push(rate);
            }
        }
    }
    drop(progress);
    println!(
        "nginx with one worker, requests/s: median of {} rounds",
        options.rounds
    );
    println!("{}", table(&figures));
    Ok(ExitCode::SUCCESS)
}

/// What observes, until it is dropped.
enum Observing {
    Nobody,
    EmptyProbes { _probes: probes::Probes },
    Wrongway { _agent: Agent },
}

fn observe(observer: Observer, binary: &std::path::Path, scratch: &Scratch) -> Result<Observing> {
    Ok(match observer {
        Observer::Nobody => Observing::Nobody,
        Observer::EmptyProbes => Observing::EmptyProbes {
            _probes: probes::Probes::attach(binary, scratch)?,
        },
        Observer::Wrongway => match Agent::start(binary, scratch)? {
            Start::Ready(agent) => Observing::Wrongway { _agent: agent },
            Start::Unsupported(reason) => bail!("nothing can be compared here: {reason}"),
        },
    })
}

impl Observer {
    const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "no agent",
            Self::EmptyProbes => "empty probes",
            Self::Wrongway => "Wrongway",
        }
    }
}

fn table(figures: &Figures) -> Table {
    let mut table = Table::new();
    table.load_style(style::TABLE).set_header([
        "load",
        "no agent",
        "empty probes",
        "of no agent",
        "Wrongway",
        "of no agent",
        "of empty probes",
    ]);
    for workload in Workload::ALL {
        let [nobody, empty, wrongway] =
            OBSERVERS.map(|observer| median(figures.get(&(workload, observer)).map_or(&[], Vec::as_slice)));
        table.add_row([
            workload.name().to_owned(),
            format!("{nobody:.0}"),
            format!("{empty:.0}"),
            share(empty, nobody),
            format!("{wrongway:.0}"),
            share(wrongway, nobody),
            share(wrongway, empty),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn share(part: f64, whole: f64) -> String {
    format!("{:.1} %", 100.0 * part / whole)
}

/// The middle figure, or the mean of the two in the middle; not a number where there is none.
fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }
}
