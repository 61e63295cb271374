//! Probes that do nothing, for benchmarks: what observing costs before anything is observed.

use std::fs::File;

use aya::programs::UProbe;
use ebpf::function::Function;

use super::{AttachError, Attached, Kernel, LoadError, load::refused};

impl Kernel {
    /// Loads the empty programs and attaches them to entry and return of the library's reads and writes.
    ///
    /// # Errors
    /// Returns what the system lacks, or what the kernel refused.
    pub fn attach_empty(&mut self, file: &File, hooks: &[(Function, u64)]) -> Result<Attached, LoadError> {
        for name in ["empty_entry", "empty_return"] {
            let program: &mut UProbe = self.program(name)?;
            program.load().map_err(|error| refused(name, &error))?;
        }
        self.attach_programs(file, 0, hooks, |_| (Some("empty_entry"), Some("empty_return")))
            .map_err(|error: AttachError| refused("a probe", &error))
    }
}
