//! Probes that do nothing, for benchmarks: what observing costs before anything is observed.

use std::fs::File;

use aya::programs::UProbe;

use super::{
    AttachError, Attached, Kernel, LoadError, Point, PointKind,
    load::{refused, refused_program},
};

impl Kernel {
    /// Loads the empty programs and attaches them where the library's reads and writes get probes.
    ///
    /// # Errors
    /// Returns what the system lacks, or what the kernel refused.
    pub fn attach_empty(&mut self, file: &File, points: &[Point]) -> Result<Attached, LoadError> {
        for name in ["empty_entry", "empty_return"] {
            let program: &mut UProbe = self.program(name)?;
            program.load().map_err(|error| refused_program(name, &error))?;
        }
        let exit = |point: Point| (point.kind != PointKind::Pass).then_some("empty_return");
        self.attach_programs(file, 0, points, |point| (Some("empty_entry"), exit(point)))
            .map_err(|error: AttachError| refused("a probe", &error))
    }
}
