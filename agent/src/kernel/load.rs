//! Loads the embedded object into the kernel.

use std::{collections::HashMap, io};

use aya::{
    Ebpf, EbpfLoader, Pod,
    maps::{Array, HashMap as MapOfConnections, MapData},
    programs::{ProgramError, RawTracePoint, UProbe},
};
use ebpf::{
    connection::{Key, Tracked},
    layout::{KernelLayout, Layout},
};
use thiserror::Error;

use super::{
    Drain,
    counters::Counters,
    features::{self, Features, Missing},
};
use crate::target;

/// The eBPF programs as the build script built them: an ELF object with BTF.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/wrongway-ebpf"));

const UPROBES: [&str; 9] = [
    "call_entry",
    "call_return",
    "read_passage",
    "write_passage",
    "ssl_new",
    "ssl_free",
    "ssl_clear",
    "ssl_set_fd",
    "ssl_ctrl",
];

/// Sizes that bound what the kernel side may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections observed at once.
    pub connections: u32,
    /// Bytes of the ring buffer; a power of two.
    pub ring: u32,
    /// Bytes of the ring buffer of packets; a power of two.
    pub wire: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 65_536,
            ring: 16 << 20,
            wire: 8 << 20,
        }
    }
}

/// Why the kernel side did not come up.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The system lacks something.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The kernel refused a program, though the system lacks nothing: the program is wrong.
    #[error("the kernel refused program {program}: {reason}")]
    Program {
        /// Its name.
        program: String,
        /// The error, with the verifier's last words.
        reason: String,
    },
    /// The kernel refused something else, though the system lacks nothing.
    #[error("the kernel refused {what}: {reason}")]
    Refused {
        /// What was refused.
        what: String,
        /// The chain of errors.
        reason: String,
    },
}

/// The programs in the kernel. Dropping it detaches and unloads everything.
pub struct Kernel {
    pub(super) ebpf: Ebpf,
    layouts: Array<MapData, PlainLayout>,
    connections: MapOfConnections<MapData, PlainKey, PlainTracked>,
    /// What the running kernel has.
    pub features: Features,
    /// Whether sockets can be found; if not, why.
    pub kernel_layout: Result<KernelLayout, String>,
}

/// [`Layout`] as a map value.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct PlainLayout(Layout);

// SAFETY: `Layout` is made of integers without padding; its crate asserts that.
unsafe impl Pod for PlainLayout {}

/// [`Key`] as a map key.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct PlainKey(Key);

// SAFETY: as above.
unsafe impl Pod for PlainKey {}

/// A connection's state as a map value.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct PlainTracked(Tracked);

// SAFETY: as above.
unsafe impl Pod for PlainTracked {}

/// [`KernelLayout`] as a global.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct PlainKernelLayout(KernelLayout);

// SAFETY: as above.
unsafe impl Pod for PlainKernelLayout {}

impl Kernel {
    /// Loads the programs and attaches those that watch the whole machine.
    ///
    /// # Errors
    /// Returns what the system lacks, or what the kernel refused.
    pub fn load(limits: Limits) -> Result<Self, LoadError> {
        let mut kernel = Self::load_object(limits)?;
        for name in UPROBES {
            let program: &mut UProbe = kernel.program(name)?;
            program.load().map_err(|error| refused_program(name, &error))?;
        }
        kernel.watch_machine()?;
        Ok(kernel)
    }

    /// Creates the maps; loads no program.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_object(limits: Limits) -> Result<Self, LoadError> {
        features::check()?;
        let types = features::kernel_types()?;
        let features = Features::probe(&types);
        let kernel_layout = target::kernel_layout(&types).map_err(|error| error.to_string());
        let plain = PlainKernelLayout(*kernel_layout.as_ref().unwrap_or(&KernelLayout::NOTHING));
        let seed = random().map_err(|error| refused("a random number", &error))?;
        let mut ebpf = EbpfLoader::new()
            .override_global("KERNEL", &plain, true)
            .override_global("FLOW_SEED", &seed, true)
            .map_max_entries("RECORDS", limits.ring)
            .map_max_entries("WIRE", limits.wire)
            .map_max_entries("CONNECTIONS", limits.connections)
            .load(OBJECT)
            .map_err(|error| refused("the object", &error))?;
        let layouts = ebpf
            .take_map("LAYOUTS")
            .ok_or_else(|| refused("the object", "it has no map LAYOUTS"))
            .and_then(|map| Array::try_from(map).map_err(|error| refused("map LAYOUTS", &error)))?;
        let connections = ebpf
            .take_map("CONNECTIONS")
            .ok_or_else(|| refused("the object", "it has no map CONNECTIONS"))
            .and_then(|map| {
                MapOfConnections::try_from(map).map_err(|error| refused("map CONNECTIONS", &error))
            })?;
        Ok(Self {
            ebpf,
            layouts,
            connections,
            features,
            kernel_layout,
        })
    }

    /// Tells the programs where a library keeps its facts.
    ///
    /// # Errors
    /// Returns the kernel's refusal.
    pub fn set_layout(&mut self, slot: u16, layout: Layout) -> Result<(), LoadError> {
        self.layouts
            .set(u32::from(slot), PlainLayout(layout), 0)
            .map_err(|error| refused("a library's layout", &error))
    }

    /// The records, for one reader.
    ///
    /// # Errors
    /// Returns an error if they have been taken before.
    pub fn drain(&mut self) -> Result<Drain, LoadError> {
        let mut take = |name: &str| {
            self.ebpf
                .take_map(name)
                .ok_or_else(|| refused(name, "it has a reader"))
        };
        let (records, wire) = (take("RECORDS")?, take("WIRE")?);
        Drain::new(records, wire).map_err(|error| refused("the ring buffers", &error))
    }

    /// The counters, for one reader.
    ///
    /// # Errors
    /// Returns an error if they have been taken before.
    pub fn counters(&mut self) -> Result<Counters, LoadError> {
        let mut take = |name: &str| {
            self.ebpf
                .take_map(name)
                .ok_or_else(|| refused(name, "it has a reader"))
        };
        let (losses, hits) = (take("LOSSES")?, take("HITS")?);
        Counters::new(losses, hits).map_err(|error| refused("the counters", &error))
    }

    /// Clears from the connection table what belongs to processes that are `gone`.
    pub fn forget(&mut self, gone: impl Fn(u32) -> bool) {
        let mut known = HashMap::new();
        let keys: Vec<PlainKey> = self.connections.keys().flatten().collect();
        for key in keys {
            if *known.entry(key.0.tgid).or_insert_with(|| gone(key.0.tgid)) {
                // It may have been freed meanwhile.
                let _ = self.connections.remove(&key);
            }
        }
    }

    /// Clears from the connection table what belongs to a library whose probes were taken away: should they come back,
    /// nobody knows what its connections moved meanwhile, so that they then are as old as any.
    pub fn forget_library(&mut self, slot: u16) {
        let entries = self.connections.iter().flatten();
        let of_library: Vec<PlainKey> = entries
            .filter(|(_, tracked)| tracked.0.library == slot)
            .map(|(key, _)| key)
            .collect();
        for key in of_library {
            // It may have been freed meanwhile.
            let _ = self.connections.remove(&key);
        }
    }

    pub(super) fn program<'a, P>(&'a mut self, name: &str) -> Result<&'a mut P, LoadError>
    where
        &'a mut P: TryFrom<&'a mut aya::programs::Program, Error: std::error::Error>,
    {
        let program = self
            .ebpf
            .program_mut(name)
            .ok_or_else(|| refused(name, "the object does not have it"))?;
        program.try_into().map_err(|error| refused(name, &error))
    }

    fn watch_machine(&mut self) -> Result<(), LoadError> {
        let mut tracepoints = vec![
            ("process_exec", "sched_process_exec"),
            ("process_exit", "sched_process_exit"),
        ];
        if self.features.socket_length_tracepoints {
            tracepoints.extend([
                ("sock_recv", "sock_recv_length"),
                ("sock_send", "sock_send_length"),
            ]);
        } else {
            tracepoints.push(("tcp_recv", "tcp_rcv_space_adjust"));
        }
        for (name, tracepoint) in tracepoints {
            let program: &mut RawTracePoint = self.program(name)?;
            program.load().map_err(|error| refused_program(name, &error))?;
            program
                .attach(tracepoint)
                .map_err(|error| refused(name, &error))?;
        }
        Ok(())
    }
}

/// A number that nobody outside knows.
fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    let mut filled = 0;
    while filled < bytes.len() {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(u64::from_ne_bytes(bytes))
}

/// Longest part of a verifier's log that is repeated; its last lines tell what is wrong.
const LOG_TAIL: usize = 2000;

/// The error for a program that could not be loaded.
pub(super) fn refused_program(name: &str, error: &ProgramError) -> LoadError {
    match error {
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } if !error.is_denial() => not_verified(name, io_error, &verifier_log.to_string()),
        _ => refused(name, error),
    }
}

fn not_verified(name: &str, error: &io::Error, log: &str) -> LoadError {
    LoadError::Program {
        program: name.to_owned(),
        reason: format!("{error}: {}", tail(log.trim_end())),
    }
}

pub(super) fn refused(what: &str, error: &(impl Reason + ?Sized)) -> LoadError {
    let (what, reason) = (what.to_owned(), error.reason());
    if error.is_denial() {
        return Missing::Denied { what, reason }.into();
    }
    LoadError::Refused { what, reason }
}

/// The words for a refusal.
pub(super) trait Reason {
    fn reason(&self) -> String;

    /// Whether the kernel says that this process may not. The verifier says something else of a program that it takes
    /// for wrong: `EACCES`, `EINVAL` or `E2BIG`.
    fn is_denial(&self) -> bool;
}

impl Reason for str {
    fn reason(&self) -> String {
        self.to_owned()
    }

    fn is_denial(&self) -> bool {
        false
    }
}

impl<E: std::error::Error> Reason for E {
    fn reason(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        tail(&text)
    }

    fn is_denial(&self) -> bool {
        let causes = std::iter::successors(self.source(), |error| error.source());
        causes
            .filter_map(|cause| cause.downcast_ref::<io::Error>())
            .any(|cause| cause.raw_os_error() == Some(libc::EPERM))
    }
}

fn tail(text: &str) -> String {
    match text.char_indices().nth_back(LOG_TAIL) {
        Some((start, _)) => format!("…{}", &text[start..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aya::{EbpfError, maps::MapError, sys::SyscallError};

    use super::*;

    #[test]
    fn a_program_that_the_verifier_refuses_is_named_with_the_verifiers_last_words() {
        let log = format!(
            "{}R1 invalid mem access 'scalar'\n",
            "0: (85) call\n".repeat(1000)
        );
        let error = not_verified("call_entry", &io::Error::from_raw_os_error(libc::EACCES), &log);
        let text = error.to_string();
        let (start, end) = (
            "the kernel refused program call_entry: Permission denied (os error 13): …",
            "R1 invalid mem access 'scalar'",
        );
        assert!(text.starts_with(start) && text.ends_with(end), "{text}");
        assert!(text.len() < 2 * LOG_TAIL, "{text}");
    }

    #[test]
    fn a_program_that_this_process_may_not_load_is_a_missing_privilege() {
        let error = ProgramError::SyscallError(SyscallError {
            call: "bpf_prog_load",
            io_error: io::Error::from_raw_os_error(libc::EPERM),
        });
        let error = refused_program("tc_ingress", &error);
        assert!(
            matches!(&error, LoadError::Missing(Missing::Denied { what, .. }) if what == "tc_ingress"),
            "{error:?}"
        );
    }

    #[test]
    fn a_map_that_is_more_than_the_locked_memory_allowed_is_a_missing_privilege() {
        let error = |errno| {
            EbpfError::MapError(MapError::CreateError {
                name: "RECORDS".to_owned(),
                io_error: io::Error::from_raw_os_error(errno),
            })
        };
        let denied = refused("the object", &error(libc::EPERM));
        assert!(
            matches!(denied, LoadError::Missing(Missing::Denied { .. })),
            "{denied:?}"
        );
        let refused = refused("the object", &error(libc::EINVAL));
        assert!(matches!(refused, LoadError::Refused { .. }), "{refused:?}");
    }
}
