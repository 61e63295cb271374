//! What is found.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::stripped;
use crate::cli::failure::Failure;
use crate::kernel::{self, Kernel, Limits};
use crate::target::stripped::{Refusal, Role};
use crate::target::{Emulation, Hook, Proof, Scan, Scanner, Target, machine_root, standard_libraries};

/// Everything that is found.
#[derive(Debug)]
pub(super) struct Report {
    /// Of the kernel, if it was looked at.
    pub(super) machine: Option<Machine>,
    /// TLS libraries, in the order of their paths.
    pub(super) libraries: Vec<Library>,
    /// Files that could not be examined.
    pub(super) problems: Vec<Unexamined>,
}

/// One object of the output.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Machine(&'a Machine),
    Library(&'a Library),
    Problem(&'a Unexamined),
}

/// What the kernel has.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    /// What is missing for probes to run at all, and the remedy; `None` if nothing is.
    pub(super) missing: Option<String>,
    /// Why sockets cannot be found in processes; `None` if they can, or nothing runs anyway.
    pub(super) sockets_missing: Option<String>,
    /// Why it was not measured what probes cost; `None` if it was, or nothing runs anyway. What is emulated is then what
    /// every supported kernel emulates.
    pub(super) costs_missing: Option<String>,
    /// Tracepoints that name the socket of each send and receive (Linux 6.3); `None` if nothing runs anyway.
    pub(super) socket_length_tracepoints: Option<bool>,
    /// Packet programs that go with the agent (TCX, Linux 6.6); `None` if nothing runs anyway.
    pub(super) tcx: Option<bool>,
}

/// One TLS library, or a program with one inside.
#[derive(Debug, Serialize)]
pub(super) struct Library {
    pub(super) path: String,
    pub(super) family: &'static str,
    /// How its functions were found: `names`, or `code` where no symbol names them. The agent believes those only after it
    /// compared what they show with the wire.
    pub(super) found_by: &'static str,
    pub(super) version: Option<String>,
    /// Who has it mapped.
    pub(super) processes: Vec<Process>,
    /// Why the agent leaves it alone; `None` if it does not.
    pub(super) unobserved: Option<String>,
    pub(super) sites: Vec<Site>,
    /// Facts of a connection that stay unknown.
    pub(super) missing: Vec<Missing>,
    /// Functions that were looked for in the code, and not found for certain.
    pub(super) functions_missing: Vec<Missing>,
}

#[derive(Debug, Serialize)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) name: String,
}

/// One place of a probe.
#[derive(Debug, Serialize)]
pub(super) struct Site {
    /// The functions whose calls pass there.
    pub(super) functions: Vec<&'static str>,
    /// Byte offset in the file.
    pub(super) offset: u64,
    /// `None` if it could not be decoded.
    pub(super) instruction: Option<String>,
    /// Whether the kernel emulates it. Others cost about ten times as much.
    pub(super) emulated: bool,
    /// What one hit costs the process, with a program that does nothing; `None` if that was not measured.
    pub(super) cost_nanoseconds: Option<u64>,
    /// `entry`, `inside`, `early`, `passed` or `stepped`.
    pub(super) choice: &'static str,
    /// `calls`, or `sockets` where they are only looked for.
    pub(super) purpose: &'static str,
    pub(super) reason: &'static str,
    /// Probes there: `entry`, `return` or `passage`.
    pub(super) probes: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Missing {
    pub(super) field: &'static str,
    pub(super) reason: &'static str,
}

/// A file of a process that could not be examined.
#[derive(Debug, Serialize)]
pub(super) struct Unexamined {
    pub(super) pid: u32,
    pub(super) path: Option<String>,
    pub(super) problem: &'static str,
    pub(super) detail: String,
}

impl Report {
    /// Looks at the kernel and at everything that runs.
    pub(super) fn of_machine() -> Self {
        let mut machine = Machine::examine();
        let emulation = match machine.missing {
            None => measured().unwrap_or_else(|reason| {
                machine.costs_missing = Some(reason);
                Emulation::default()
            }),
            Some(_) => Emulation::default(),
        };
        let mut scanner = Scanner::new("/proc").with_emulation(emulation);
        let root = machine_root();
        scanner.watch(root, standard_libraries(root));
        Self {
            machine: Some(machine),
            ..Self::of(&scanner.scan())
        }
    }

    /// Looks at files, whether or not a process has them mapped.
    ///
    /// # Errors
    /// Returns the first that has no TLS functions, or cannot be read.
    pub(super) fn of_files(files: &[PathBuf]) -> anyhow::Result<Self> {
        let mut names = Vec::new();
        for file in files {
            let path = file.canonicalize().map_err(|error| {
                Failure::configuration(format!("cannot examine {}: {error}", file.display()))
            })?;
            names.push(path);
        }
        // No process is looked at where there is no directory of them.
        let mut scanner = Scanner::new("/nonexistent");
        scanner.watch(Path::new("/"), names.clone());
        let report = Self::of(&scanner.scan());
        for name in names {
            let path = name.display().to_string();
            if !report.libraries.iter().any(|library| library.path == path) {
                return Err(stripped::refusal(&name).into());
            }
        }
        Ok(report)
    }

    fn of(scan: &Scan) -> Self {
        let mut libraries: Vec<Library> = scan
            .targets
            .iter()
            .map(|target| Library::of(target, scan))
            .collect();
        libraries.sort_by(|one, other| one.path.cmp(&other.path));
        let problems = scan.processes.iter().flat_map(|process| {
            process.problems.iter().map(|problem| Unexamined {
                pid: process.pid,
                path: problem.path.as_ref().map(|path| path.display().to_string()),
                problem: problem.kind.as_str(),
                detail: problem.detail.clone(),
            })
        });
        Self {
            machine: None,
            libraries,
            problems: problems.collect(),
        }
    }

    /// Whether everything that was found can be observed.
    pub(super) fn is_well(&self) -> bool {
        let machine = self
            .machine
            .as_ref()
            .is_none_or(|machine| machine.missing.is_none() && machine.sockets_missing.is_none());
        machine
            && self.problems.is_empty()
            && self.libraries.iter().all(|library| library.unobserved.is_none())
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let machine = self.machine.iter().map(Line::Machine);
        machine
            .chain(self.libraries.iter().map(Line::Library))
            .chain(self.problems.iter().map(Line::Problem))
    }
}

/// What probes cost here, or why that cannot be told.
fn measured() -> Result<Emulation, String> {
    let mut kernel = Kernel::load_object(Limits::default()).map_err(|error| error.to_string())?;
    let (emulation, _) = kernel.measure_emulation().map_err(|error| error.to_string())?;
    if emulation.is_conclusive() {
        Ok(emulation)
    } else {
        Err("no instruction is much cheaper than the reference".to_owned())
    }
}

impl Machine {
    fn examine() -> Self {
        match kernel::examine() {
            Ok((features, sockets)) => Self {
                missing: None,
                sockets_missing: sockets.err(),
                costs_missing: None,
                socket_length_tracepoints: Some(features.socket_length_tracepoints),
                tcx: Some(features.tcx),
            },
            Err(missing) => Self {
                missing: Some(missing.to_string()),
                sockets_missing: None,
                costs_missing: None,
                socket_length_tracepoints: None,
                tcx: None,
            },
        }
    }
}

impl Library {
    fn of(target: &Target, scan: &Scan) -> Self {
        let processes = scan
            .processes
            .iter()
            .filter(|process| process.targets.contains(&target.id))
            .map(|process| Process {
                pid: process.pid,
                name: process.comm.clone(),
            });
        let observed = target.is_observable();
        let missing = target.missing.iter().map(|(field, reason)| Missing {
            field: field.as_str(),
            reason: reason.as_str(),
        });
        Self {
            path: target.path.display().to_string(),
            family: target.family.as_str(),
            found_by: match target.proof {
                Proof::Named => "names",
                Proof::Code(_) | Proof::Unproven(_) => "code",
            },
            version: target.version.clone(),
            processes: processes.collect(),
            unobserved: match &target.proof {
                Proof::Unproven(refusal) => Some(format!("unproven_{}", refusal.as_str())),
                Proof::Named | Proof::Code(_) => (!observed).then(|| "family_not_supported".to_owned()),
            },
            sites: if observed {
                target.needed_hooks().map(Site::of).collect()
            } else {
                Vec::new()
            },
            missing: if observed { missing.collect() } else { Vec::new() },
            functions_missing: match &target.proof {
                Proof::Code(code) => code.found.open().map(Missing::function).collect(),
                Proof::Named | Proof::Unproven(_) => Vec::new(),
            },
        }
    }
}

impl Missing {
    fn function((role, refusal): (Role, Refusal)) -> Self {
        Self {
            field: role.as_str(),
            reason: refusal.as_str(),
        }
    }
}

impl Site {
    fn of(hook: &Hook) -> Self {
        let passed = hook.passage().is_some();
        let (entry, exit) = kernel::places(hook.function);
        Self {
            functions: hook.serves.iter().map(|function| function.symbol()).collect(),
            offset: hook.offset,
            instruction: hook.site.instruction.clone(),
            emulated: hook.site.emulated,
            cost_nanoseconds: hook.site.cost.map(|cost| cost.nanoseconds),
            choice: hook.choice.as_str(),
            purpose: hook.purpose.as_str(),
            reason: hook.reason(),
            probes: [
                (passed, "passage"),
                (!passed && entry, "entry"),
                (!passed && exit, "return"),
            ]
            .into_iter()
            .filter_map(|(there, name)| there.then_some(name))
            .collect(),
        }
    }
}
