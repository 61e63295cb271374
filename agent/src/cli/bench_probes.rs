//! `wrongway bench-probes`, for benchmarks of this project.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use ebpf::function::Function;

use super::failure::{Failure, unavailable_kernel};
use crate::kernel::{Kernel, Limits};
use crate::target::{Emulation, Image, hook};

/// Arguments of `wrongway bench-probes`.
#[derive(Clone, Debug, Args)]
pub struct BenchProbesArgs {
    /// Attach programs that do nothing.
    #[arg(long, required = true)]
    pub empty: bool,
    /// Where they go.
    #[arg(long, value_enum, default_value_t = Place::Exported)]
    pub at: Place,
    /// Library whose reads and writes get them, at entry and return.
    #[arg(long, value_name = "PATH")]
    pub library: PathBuf,
}

/// Where probes go.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Place {
    /// To the exported functions, as tools do that know their names.
    Exported,
    /// To where this agent's own go.
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
    let mut kernel =
        Kernel::load_object(Limits::default()).map_err(|error| unavailable_kernel(error.into()))?;
    let hooks = match args.at {
        Place::Exported => exported(&image),
        Place::Sites => {
            let (emulation, _) = kernel
                .measure_emulation()
                .map_err(|error| unavailable_kernel(error.into()))?;
            sites(&image, &emulation)
        }
    };
    let _attached = kernel
        .attach_empty(image.file(), &hooks)
        .map_err(|error| unavailable_kernel(error.into()))?;
    println!("attached");
    wait_to_be_ended()?;
    Ok(ExitCode::SUCCESS)
}

fn exported(image: &Image) -> Vec<(Function, u64)> {
    let offset = |function: Function| image.file_offset(image.symbol(function.symbol())?.address);
    [Function::SslRead, Function::SslWrite]
        .into_iter()
        .filter_map(|function| Some((function, offset(function)?)))
        .collect()
}

fn sites(image: &Image, emulation: &Emulation) -> Vec<(Function, u64)> {
    hook::hooks_with(image, emulation)
        .into_iter()
        .filter(|hook| hook.serves.contains(&Function::SslRead) || hook.serves.contains(&Function::SslWrite))
        .map(|hook| (hook.function, hook.offset))
        .collect()
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
