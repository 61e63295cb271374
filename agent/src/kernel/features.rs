//! What the running kernel and this process may do, probed once; nothing is ever decided by a version string.

use std::{fs, io, path::Path};

use aya::{
    maps::MapType,
    programs::ProgramType,
    sys::{is_map_supported, is_program_supported},
};
use thiserror::Error;

use super::load::Reason as _;
use crate::target;

const BTF: &str = "/sys/kernel/btf/vmlinux";
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";
/// The kernel's own number for probes in programs, by which they are asked for.
const UPROBES: &str = "/sys/bus/event_source/devices/uprobe/type";
/// Bits of `CapEff`, `linux/capability.h`.
const CAP_SYS_ADMIN: u32 = 21;
const CAP_SYS_PTRACE: u32 = 19;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Why eBPF programs cannot run here.
#[derive(Debug, Error)]
pub enum Missing {
    /// Not enough privilege.
    #[error("this process has no {0}: run wrongway as root, or in a privileged container with hostPID")]
    Capability(&'static str),
    /// No type information.
    #[error(
        "the kernel gives no type information at {BTF} ({0}): wrongway needs a kernel built with CONFIG_DEBUG_INFO_BTF=y"
    )]
    Btf(io::Error),
    /// The type information is not what it should be.
    #[error("the kernel's type information at {BTF} cannot be used: {0}")]
    BadBtf(String),
    /// Locked down.
    #[error(
        "the kernel is locked down ({0}) and forbids reading memory from eBPF: boot with lockdown=integrity or none"
    )]
    Lockdown(String),
    /// The system call is not there, or closed to this process: its capabilities are those of a user namespace, or a
    /// filter forbids it.
    #[error(
        "the kernel does not let this process use eBPF ({0}): run wrongway in the machine's own user namespace, without \
         a seccomp filter for bpf(2), on a kernel built with CONFIG_BPF_SYSCALL=y"
    )]
    Bpf(String),
    /// What the programs build on is not there.
    #[error("the kernel has no {facility}: wrongway needs {remedy}")]
    Facility {
        /// What it is.
        facility: &'static str,
        /// Where it is to be had.
        remedy: &'static str,
    },
    /// Permission for one thing, though eBPF as such is permitted.
    #[error(
        "the kernel denies this process {what} ({reason}): run wrongway as root with all capabilities, and before Linux \
         5.11 with `ulimit -l unlimited`"
    )]
    Denied {
        /// What is denied.
        what: String,
        /// The chain of errors.
        reason: String,
    },
}

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// `sock_recv_length` and `sock_send_length` exist (Linux 6.3).
    pub socket_length_tracepoints: bool,
    /// tc programs can be attached by a link that goes with this process (TCX, Linux 6.6).
    pub tcx: bool,
}

impl Features {
    /// Looks at the running system.
    ///
    /// # Errors
    /// Returns what is missing for eBPF to run at all.
    pub fn probe(btf: &btf_rs::Btf) -> Self {
        // Raw tracepoints leave a type `btf_trace_NAME` in the kernel's type information.
        let known = |name: &str| {
            btf.resolve_types_by_name(name)
                .is_ok_and(|found| !found.is_empty())
        };
        Self {
            socket_length_tracepoints: known("btf_trace_sock_recv_length")
                && known("btf_trace_sock_send_length"),
            tcx: known("tcx_entry"),
        }
    }
}

/// What the running kernel has, and whether the sockets of processes can be found in its structures; if not, why.
///
/// # Errors
/// Returns what is missing for eBPF to run at all.
pub fn examine() -> Result<(Features, Result<(), String>), Missing> {
    check()?;
    let types = kernel_types()?;
    let sockets = target::kernel_layout(&types)
        .map(drop)
        .map_err(|error| error.to_string());
    Ok((Features::probe(&types), sockets))
}

/// Checks that eBPF programs may run at all.
///
/// # Errors
/// Returns the first thing that is missing.
pub fn check() -> Result<(), Missing> {
    privilege(&fs::read_to_string("/proc/self/status").unwrap_or_default())?;
    lockdown(Path::new(LOCKDOWN))?;
    fs::File::open(BTF).map(drop).map_err(Missing::Btf)?;
    facilities()
}

/// Checks what the programs build on, with the smallest map and programs of each kind: if the kernel takes these and
/// refuses one of ours, that one is wrong.
fn facilities() -> Result<(), Missing> {
    let present = |present, facility, remedy| {
        if present {
            Ok(())
        } else {
            Err(Missing::Facility { facility, remedy })
        }
    };
    let ring = is_map_supported(MapType::RingBuf).map_err(|error| Missing::Bpf(error.reason()))?;
    present(ring, "ring buffers for eBPF", "Linux 5.8")?;
    for (kind, facility) in [
        (ProgramType::KProbe, "eBPF programs for probes"),
        (ProgramType::RawTracePoint, "eBPF programs for raw tracepoints"),
    ] {
        let supported = is_program_supported(kind).map_err(|error| Missing::Bpf(error.reason()))?;
        present(supported, facility, "a kernel built with CONFIG_BPF_EVENTS=y")?;
    }
    let uprobes = Path::new(UPROBES).exists();
    present(
        uprobes,
        "uprobes",
        "a kernel built with CONFIG_UPROBE_EVENTS=y, and /sys",
    )
}

/// The kernel's type information.
///
/// # Errors
/// Returns [`Missing::BadBtf`] if it cannot be parsed.
pub(super) fn kernel_types() -> Result<btf_rs::Btf, Missing> {
    btf_rs::Btf::from_file(BTF).map_err(|error| Missing::BadBtf(error.to_string()))
}

fn privilege(status: &str) -> Result<(), Missing> {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
        .unwrap_or(0);
    let has = |capability: u32| effective >> capability & 1 == 1;
    if has(CAP_SYS_ADMIN) {
        return Ok(());
    }
    for (capability, name) in [
        (CAP_BPF, "CAP_BPF"),
        (CAP_PERFMON, "CAP_PERFMON"),
        (CAP_SYS_PTRACE, "CAP_SYS_PTRACE"),
    ] {
        if !has(capability) {
            return Err(Missing::Capability(name));
        }
    }
    Ok(())
}

/// `none [integrity] confidentiality`: the mode in force is in brackets.
fn lockdown(path: &Path) -> Result<(), Missing> {
    let modes = fs::read_to_string(path).unwrap_or_default();
    if modes.contains("[confidentiality]") {
        return Err(Missing::Lockdown("confidentiality".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_user_lacks_the_first_capability() {
        let missing = privilege("Name:\tx\nCapEff:\t0000000000000000\n").unwrap_err();
        assert!(missing.to_string().contains("CAP_BPF"), "{missing}");
    }

    #[test]
    fn bpf_without_perfmon_is_told_apart() {
        let missing = privilege("CapEff:\t0000008000000000\n").unwrap_err();
        assert!(missing.to_string().contains("CAP_PERFMON"), "{missing}");
    }

    #[test]
    fn root_may() {
        privilege("CapEff:\t000001ffffffffff\n").unwrap();
    }

    #[test]
    fn confidentiality_is_refused_and_integrity_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "none integrity [confidentiality]\n").unwrap();
        lockdown(file.path()).unwrap_err();
        fs::write(file.path(), "none [integrity] confidentiality\n").unwrap();
        lockdown(file.path()).unwrap();
    }
}
