//! `wrongway bench-emulation`, for benchmarks of this project.

use std::process::ExitCode;
use std::time::Instant;

use serde_json::json;

use super::bench_probes::wait_to_be_ended;
use super::failure::kernel_failure;
use crate::kernel::{Kernel, Limits};

/// Prints what a probe on each kind of instruction costs, one JSON object a line, and waits to be ended.
///
/// # Errors
/// If the kernel refuses.
pub fn run() -> anyhow::Result<ExitCode> {
    let mut kernel = Kernel::load_object(Limits::default()).map_err(|error| kernel_failure(error.into()))?;
    let start = Instant::now();
    let (emulation, probes) = kernel
        .measure_emulation()
        .map_err(|error| kernel_failure(error.into()))?;
    let took = start.elapsed();
    drop(probes);
    let detached = start.elapsed();
    for &(kind, cost) in emulation.kinds() {
        let line = json!({
            "kind": kind.as_str(),
            "nanoseconds": cost.map(|cost| cost.nanoseconds),
            "emulated": emulation.emulates(kind),
        });
        println!("{line}");
    }
    let whole = json!({
        "pair_nanoseconds": emulation.pair.map(|cost| cost.nanoseconds),
        "conclusive": emulation.is_conclusive(),
        "took_milliseconds": took.as_secs_f64() * 1e3,
        "detached_after_milliseconds": detached.as_secs_f64() * 1e3,
    });
    println!("{whole}");
    wait_to_be_ended()?;
    Ok(ExitCode::SUCCESS)
}
