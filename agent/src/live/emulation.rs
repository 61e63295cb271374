//! What a probe costs on this machine, before any is placed.

use crate::{
    kernel::{Attached, Kernel},
    target::Emulation,
};

/// Measures, and tells the log. Where that fails, what every supported kernel does is expected.
///
/// Returns also the probes that it took, if any, to be dropped when nothing will be attached any more.
pub(super) fn measure(kernel: &mut Kernel) -> (Emulation, Option<Attached>) {
    match kernel.measure_emulation() {
        Ok((emulation, probes)) => {
            let pair_nanoseconds = emulation.pair.map(|cost| cost.nanoseconds);
            let conclusive = emulation.is_conclusive();
            tracing::info!(costs = %emulation, pair_nanoseconds, conclusive, "measured what probes cost");
            (emulation, Some(probes))
        }
        Err(error) => {
            tracing::warn!(
                reason = %error,
                "cannot measure what probes cost: they are placed as is best on most kernels"
            );
            (Emulation::default(), None)
        }
    }
}
