//! `wrongway bench-probes`, for benchmarks of this project.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use ebpf::function::Function;

use super::failure::{Failure, kernel_failure};
use crate::kernel::{Kernel, Limits, Point, PointKind};
use crate::target::hook::Purpose;
use crate::target::{Emulation, Image, Scanner};

/// Arguments of `wrongway bench-probes`.
#[derive(Clone, Debug, Args)]
pub struct BenchProbesArgs {
    /// Attach programs that do nothing.
    #[arg(long, required = true)]
    pub empty: bool,
    /// Where they go.
    #[arg(long, value_enum, default_value_t = Place::Exported)]
    pub at: Place,
    /// Library, or program with one inside, whose reads and writes get them.
    #[arg(long, value_name = "PATH")]
    pub library: PathBuf,
}

/// Where probes go.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Place {
    /// To the exported functions, as tools do that know their names.
    Exported,
    /// To where this agent's own go, in programs without symbols too.
    Sites,
}

/// Attaches, says so, and waits to be ended.
///
/// # Errors
/// If the library is none, or the kernel refuses.
pub fn run(args: &BenchProbesArgs) -> anyhow::Result<ExitCode> {
    let path = args.library.display();
    let file = File::open(&args.library)
        .map_err(|error| Failure::configuration(format!("cannot read {path}: {error}")))?;
    let image = Image::read(Arc::new(file))
        .map_err(|error| Failure::configuration(format!("{path} is no library to probe: {error}")))?;
    let mut kernel = Kernel::load_object(Limits::default()).map_err(|error| kernel_failure(error.into()))?;
    let hooks = match args.at {
        Place::Exported => exported(&image),
        Place::Sites => {
            let (emulation, _) = kernel
                .measure_emulation()
                .map_err(|error| kernel_failure(error.into()))?;
            sites(&args.library, emulation)?
        }
    };
    if hooks.is_empty() {
        return Err(Failure::configuration(format!(
            "{path} has no reads and writes to probe there: `wrongway doctor` tells what is found in it; without \
             exported functions only `--at sites` can do"
        ))
        .into());
    }
    let _attached = kernel
        .attach_empty(image.file(), &hooks)
        .map_err(|error| kernel_failure(error.into()))?;
    println!("attached");
    wait_to_be_ended()?;
    Ok(ExitCode::SUCCESS)
}

fn exported(image: &Image) -> Vec<Point> {
    let offset = |function: Function| image.file_offset(image.symbol(function.symbol())?.address);
    [Function::SslRead, Function::SslWrite]
        .into_iter()
        .filter_map(|function| {
            Some(Point {
                function,
                offset: offset(function)?,
                kind: PointKind::Begin,
            })
        })
        .collect()
}

/// What `wrongway doctor` finds, as the agent does.
fn sites(library: &Path, emulation: Emulation) -> anyhow::Result<Vec<Point>> {
    let name = library
        .canonicalize()
        .map_err(|error| Failure::configuration(format!("cannot read {}: {error}", library.display())))?;
    // No process is looked at where there is no directory of them.
    let mut scanner = Scanner::new("/nonexistent").with_emulation(emulation);
    scanner.watch(Path::new("/"), vec![name]);
    let scan = scanner.scan();
    let hooks = scan.targets.iter().flat_map(|target| &target.hooks);
    Ok(hooks
        .filter(|hook| hook.purpose == Purpose::Calls)
        .filter(|hook| hook.serves.contains(&Function::SslRead) || hook.serves.contains(&Function::SslWrite))
        .map(Point::from)
        .collect())
}

/// Waits for SIGTERM.
pub(super) fn wait_to_be_ended() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let kind = tokio::signal::unix::SignalKind::terminate();
        tokio::signal::unix::signal(kind)
            .context("cannot wait for SIGTERM")?
            .recv()
            .await;
        Ok(())
    })
}
