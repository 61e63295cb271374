//! `cargo xtask bench --wire`: what looking at packets costs, by each kind of program, on each kind of interface.

mod cost;
mod traffic;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use comfy_table::{CellAlignment, Table};

use self::traffic::Load;
use super::Options;
use super::figures::{median, share};
use crate::progress::Progress;
use crate::rig::network::{self, Pair};
use crate::rig::process::Running;
use crate::rig::scratch::Scratch;
use crate::style;

const START: Duration = Duration::from_secs(30);
/// What `wrongway bench-wire` prints once it watches.
const READY: &str = "attached";

/// Where the traffic goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Route {
    /// Over the loopback interface.
    Loopback,
    /// From a node to a container: what is watched is the node's end of the pair.
    Pair,
}

/// Who looks at the packets, as `wrongway bench-wire --mode` names it.
const LOOPBACK: [Option<&str>; 4] = [None, Some("tc-ingress"), Some("tc"), Some("xdp-generic")];
const PAIR: [Option<&str>; 4] = [None, Some("tc"), Some("xdp-generic"), Some("xdp-native")];

/// Requests a second, by what was measured, one figure for each round.
type Figures = BTreeMap<(Route, Load, Option<&'static str>), Vec<f64>>;

/// Measures and prints both tables.
///
/// # Errors
///
/// When the namespaces cannot be made, or the kernel refuses the programs.
pub(super) fn run(options: &Options, binary: &Path) -> Result<ExitCode> {
    let pair = Pair::new()?;
    let scratch = Scratch::new("bench")?;
    let progress = Progress::new();
    let mut figures = Figures::new();
    for round in 1..=options.rounds {
        for (path, modes) in [(Route::Loopback, LOOPBACK), (Route::Pair, PAIR)] {
            for mode in modes {
                progress.step(format!(
                    "round {round} of {}: {}, {}",
                    options.rounds,
                    path.name(),
                    mode.unwrap_or("nobody")
                ));
                let _watching = mode
                    .map(|mode| watch(&pair, path, mode, binary, &scratch))
                    .transpose()?;
                for load in Load::ALL {
                    let rate = path.measure(load, &pair, options.seconds)?;
                    figures.entry((path, load, mode)).or_default().push(rate);
                }
            }
        }
    }
    drop(progress);
    println!("requests/s, median of {} rounds", options.rounds);
    println!("{}", table(&figures));
    println!("nanoseconds for each packet, the program alone, the least of many runs");
    println!("{}", cost::table(binary)?);
    Ok(ExitCode::SUCCESS)
}

impl Route {
    const fn name(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Pair => "veth",
        }
    }

    fn measure(self, load: Load, pair: &Pair, seconds: u32) -> Result<f64> {
        let duration = Duration::from_secs(seconds.into());
        match self {
            Self::Loopback => traffic::measure(load, &pair.node, &pair.node, "127.0.0.1", duration),
            Self::Pair => traffic::measure(
                load,
                &pair.container,
                &pair.node,
                network::CONTAINER_ADDRESS,
                duration,
            ),
        }
    }
}

fn watch(pair: &Pair, path: Route, mode: &str, binary: &Path, scratch: &Scratch) -> Result<Running> {
    let interface = match path {
        Route::Loopback => "lo",
        Route::Pair => network::NODE,
    };
    let mut command = pair.node.command(binary);
    command.args(["bench-wire", "--interface", interface, "--mode", mode]);
    let log = scratch.path().join("wire.log");
    let mut process = Running::start("wrongway bench-wire", &mut command, &log)?;
    let printed = || std::fs::read_to_string(&log).unwrap_or_default();
    process.wait_until(START, || printed().contains(READY))?;
    Ok(process)
}

fn table(figures: &Figures) -> Table {
    let mut table = Table::new();
    table
        .load_style(style::TABLE)
        .set_header(["interface", "load", "program", "requests/s", "of none"]);
    for (path, modes) in [(Route::Loopback, LOOPBACK), (Route::Pair, PAIR)] {
        for load in Load::ALL {
            let figure = |mode| median(figures.get(&(path, load, mode)).map_or(&[], Vec::as_slice));
            for mode in modes {
                table.add_row([
                    path.name().to_owned(),
                    load.name().to_owned(),
                    mode.unwrap_or("none").to_owned(),
                    format!("{:.0}", figure(mode)),
                    share(figure(mode), figure(None)),
                ]);
            }
        }
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
