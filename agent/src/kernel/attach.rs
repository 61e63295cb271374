//! Attaches to libraries, by file offset.

use std::{fs::File, os::fd::AsRawFd, path::PathBuf};

use aya::programs::{
    ProgramError, UProbe,
    uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeLink, UProbeScope},
};
use ebpf::function::{Cookie, Function};
use thiserror::Error;

use super::{Kernel, LoadError};
use crate::target::{Hook, hook::Purpose};

/// Probes in one file. Dropping it detaches them.
pub struct Attached {
    pub(super) _links: Vec<UProbeLink>,
    /// Those that see calls begin, where others see them return.
    pub(super) entries: Vec<UProbeLink>,
}

impl Attached {
    /// Detaches what sees calls begin, where something else sees them return: of those that are under way the return is
    /// still seen.
    pub fn let_return(&mut self) {
        self.entries.clear();
    }
}

impl Drop for Attached {
    /// A call that begins meanwhile must not be noted where nothing tells its return any more.
    fn drop(&mut self) {
        self.let_return();
    }
}

/// Where a function gets its probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The function.
    pub function: Function,
    /// Byte offset in the file.
    pub offset: u64,
    /// What calls do there.
    pub kind: PointKind,
}

/// What calls of a function do at a [`Point`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointKind {
    /// They begin: a return probe may stand there, too.
    Begin,
    /// The same, and nothing is asked but which sockets they use.
    BeginForSockets,
    /// They pass with their result.
    Pass,
}

impl From<&Hook> for Point {
    fn from(hook: &Hook) -> Self {
        Self {
            function: hook.function,
            offset: hook.offset,
            kind: match (hook.passage(), hook.purpose) {
                (Some(_), _) => PointKind::Pass,
                (None, Purpose::Calls) => PointKind::Begin,
                (None, Purpose::Sockets) => PointKind::BeginForSockets,
            },
        }
    }
}

/// Which programs stand at a point: for what passes or begins there, and for the return.
type Programs = (Option<&'static str>, Option<&'static str>);

/// Why a function could not be probed.
#[derive(Debug, Error)]
#[error("cannot probe {symbol} at offset {offset:#x}: {source}")]
pub struct AttachError {
    symbol: &'static str,
    offset: u64,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Which programs serve a function: at its entry, at its return.
const fn programs(function: Function) -> Programs {
    match function {
        Function::SslNew => (None, Some("ssl_new")),
        Function::SslFree => (Some("ssl_free"), None),
        Function::SslClear => (Some("ssl_clear"), None),
        Function::SslCtrl => (Some("ssl_ctrl"), None),
        Function::SslSetFd | Function::SslSetRfd | Function::SslSetWfd => (Some("ssl_set_fd"), None),
        Function::SslRead
        | Function::SslReadEx
        | Function::SslWrite
        | Function::SslWriteEx
        | Function::SslWriteEx2
        | Function::SslDoHandshake
        | Function::SslAccept
        | Function::SslConnect => (Some("call_entry"), Some("call_return")),
    }
}

/// Whether a function gets a probe at its entry, and at its return.
pub const fn places(function: Function) -> (bool, bool) {
    let (entry, exit) = programs(function);
    (entry.is_some(), exit.is_some())
}

impl Kernel {
    /// Attaches to the functions of one library image: all, or none.
    ///
    /// # Errors
    /// Returns the first function that could not be probed.
    pub fn attach(&mut self, file: &File, slot: u16, points: &[Point]) -> Result<Attached, AttachError> {
        self.attach_programs(file, slot, points, |point| match (point.kind, point.function) {
            (PointKind::Pass, Function::SslRead | Function::SslReadEx) => (Some("read_passage"), None),
            (PointKind::Pass, _) => (Some("write_passage"), None),
            (PointKind::Begin | PointKind::BeginForSockets, function) => programs(function),
        })
    }

    pub(super) fn attach_programs(
        &mut self,
        file: &File,
        slot: u16,
        points: &[Point],
        programs: impl Fn(Point) -> Programs,
    ) -> Result<Attached, AttachError> {
        // The open file, not its name: names change, and other mount namespaces have their own.
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let (mut links, mut entries) = (Vec::new(), Vec::new());
        for &point in points {
            let Point { function, offset, .. } = point;
            let cookie = Cookie {
                slot,
                function: function as u8,
                for_sockets: point.kind == PointKind::BeginForSockets,
            }
            .to_raw();
            let (entry, exit) = programs(point);
            let returns = exit.is_some();
            // The return first: a call that is under way between the two is then seen by neither.
            for (name, is_entry) in [(exit, false), (entry, true)] {
                let Some(name) = name else { continue };
                let place = UProbeAttachPoint {
                    location: UProbeAttachLocation::AbsoluteOffset(offset),
                    cookie: Some(cookie),
                };
                let link = self.probe(name, place, &path).map_err(|source| AttachError {
                    symbol: function.symbol(),
                    offset,
                    source,
                })?;
                if is_entry && returns {
                    entries.push(link);
                } else {
                    links.push(link);
                }
            }
        }
        Ok(Attached {
            _links: links,
            entries,
        })
    }

    /// Attaches one program at one place.
    pub(super) fn probe(
        &mut self,
        name: &str,
        point: UProbeAttachPoint<'_>,
        path: &PathBuf,
    ) -> Result<UProbeLink, Box<dyn std::error::Error + Send + Sync>> {
        let program: &mut UProbe = self.program(name).map_err(|error: LoadError| error.to_string())?;
        let id = program.attach(point, path, UProbeScope::AllProcesses)?;
        Ok(program
            .take_link(id)
            .map_err(|error: ProgramError| error.to_string())?)
    }
}
