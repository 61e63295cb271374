//! Finds libraries and attaches to them, on a thread of its own: reading a large executable must not hold up the
//! records.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use ebpf::{
    function::Function,
    layout::{Layout, MAX_LAYOUTS},
};

use super::coverage::{self, Standing};
use super::exclusion::Exclusion;
use crate::{
    export::Shared,
    kernel::{Attached, Kernel},
    target::{
        Emulation, Family, FileId, ProcessInfo, ProcessScan, Scan, Scanner, Target, machine_root,
        standard_libraries,
    },
};

/// How often all processes are looked at: the bound on how late a library is found that a process maps long after
/// it started.
const SWEEP: Duration = Duration::from_secs(3);
/// Where there are so many processes that looking at all takes long, the rest is at least this many times as long.
const REST: u32 = 50;
/// When a process that replaced its image is looked at: its libraries are mapped by the dynamic linker within the
/// first of these, and by plug-ins within the others.
const LOOKS: [Duration; 4] = [
    Duration::from_millis(2),
    Duration::from_millis(20),
    Duration::from_millis(150),
    Duration::from_millis(800),
];
/// How often connections of processes that are gone are cleared from the kernel's table.
const CLEAR: Duration = Duration::from_secs(20);
/// Stage of the losses counted here.
const STAGE: &str = "attach";

/// What the thread is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A process replaced its image.
    Exec(u32),
}

/// A library has this slot from now on.
#[derive(Clone, Debug)]
pub(super) struct Library {
    /// The slot that records name it by.
    pub(super) slot: u16,
    /// Its path.
    pub(super) path: PathBuf,
}

/// The thread's state.
pub(super) struct Discovery {
    kernel: Arc<Mutex<Kernel>>,
    scanner: Scanner,
    attached: HashMap<FileId, Attachment>,
    /// Files that are left alone.
    exclusion: Exclusion,
    /// Why libraries could not be attached to.
    refused: HashMap<FileId, String>,
    free: Vec<u16>,
    looks: BTreeMap<Instant, Vec<u32>>,
    libraries: Sender<Library>,
    shared: Shared,
}

struct Attachment {
    slot: u16,
    target: Arc<Target>,
    _probes: Attached,
}

impl Discovery {
    /// Attaches to everything that runs now.
    pub(super) fn start(
        kernel: Arc<Mutex<Kernel>>,
        libraries: Sender<Library>,
        shared: Shared,
        excluded: Vec<PathBuf>,
        emulation: Emulation,
    ) -> Self {
        let mut scanner = Scanner::new("/proc").with_emulation(emulation);
        let root = machine_root();
        scanner.watch(root, standard_libraries(root));
        let slots = u16::try_from(MAX_LAYOUTS).unwrap_or(u16::MAX);
        let mut discovery = Self {
            kernel,
            scanner,
            attached: HashMap::new(),
            exclusion: Exclusion::new(root, excluded),
            refused: HashMap::new(),
            free: (1..slots).rev().collect(),
            looks: BTreeMap::new(),
            libraries,
            shared,
        };
        discovery
            .shared
            .metrics()
            .expect_losses(STAGE, ["refused", "slots_full"]);
        discovery.sweep();
        discovery
    }

    /// Works until the sender of events is gone; then detaches.
    pub(super) fn run(mut self, events: &Receiver<Event>) {
        let mut sweep = Instant::now() + SWEEP;
        let mut clear = Instant::now() + CLEAR;
        loop {
            let next = self
                .looks
                .keys()
                .next()
                .copied()
                .map_or(sweep, |look| look.min(sweep))
                .min(clear);
            match events.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Event::Exec(pid)) => self.expect(pid),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            self.look(now);
            if now >= sweep {
                self.sweep();
                sweep = Instant::now() + SWEEP.max(now.elapsed() * REST);
            }
            if now >= clear {
                self.kernel()
                    .forget(|pid| !Path::new(&format!("/proc/{pid}")).exists());
                clear = Instant::now() + CLEAR;
            }
        }
    }

    fn expect(&mut self, pid: u32) {
        let now = Instant::now();
        for delay in LOOKS {
            self.looks.entry(now + delay).or_default().push(pid);
        }
    }

    fn look(&mut self, now: Instant) {
        let later = self.looks.split_off(&now);
        let due: HashSet<u32> = std::mem::replace(&mut self.looks, later)
            .into_values()
            .flatten()
            .collect();
        for pid in due {
            if let ProcessScan::Present { targets, .. } = self.scanner.scan_process(pid) {
                for target in targets {
                    self.attach(&target);
                }
            }
        }
    }

    fn sweep(&mut self) {
        let scan = self.scanner.scan();
        for target in &scan.targets {
            self.attach(target);
        }
        let used: HashSet<FileId> = scan.targets.iter().map(|target| target.id).collect();
        let unused: Vec<FileId> = self
            .attached
            .keys()
            .filter(|id| !used.contains(id))
            .copied()
            .collect();
        for id in unused {
            self.detach(id);
        }
        self.refused.retain(|id, _| used.contains(id));
        self.report(&scan);
    }

    fn attach(&mut self, target: &Arc<Target>) {
        if let Some(attachment) = self.attached.get(&target.id) {
            if Arc::ptr_eq(&attachment.target, target) {
                return;
            }
            // The file was rewritten in place: what stands at the old offsets is anything.
            self.detach(target.id);
        }
        if self.refused.contains_key(&target.id)
            || target.family != Family::OpenSsl
            || self.exclusion.holds(target)
        {
            return;
        }
        let Some(slot) = self.free.pop() else {
            self.shared.metrics().loss(STAGE, "slots_full", 1);
            return;
        };
        match self.probe(target, slot) {
            Ok(probes) => {
                tracing::info!(library = %target.path.display(), slot, "attached");
                let attachment = Attachment {
                    slot,
                    target: Arc::clone(target),
                    _probes: probes,
                };
                self.attached.insert(target.id, attachment);
            }
            Err(reason) => {
                tracing::warn!(library = %target.path.display(), reason, "cannot attach");
                self.shared.metrics().loss(STAGE, "refused", 1);
                self.refused.insert(target.id, reason);
                self.free.push(slot);
            }
        }
    }

    fn probe(&mut self, target: &Target, slot: u16) -> Result<Attached, String> {
        // Told before the first record can name the slot.
        let library = Library {
            slot,
            path: target.path.clone(),
        };
        self.libraries
            .send(library)
            .map_err(|_| "the agent is stopping".to_owned())?;
        let mut hooks: Vec<_> = target
            .needed_hooks()
            .map(|hook| (hook.function, hook.offset))
            .collect();
        // What ends connections comes first: no end is missed of one whose beginning was seen.
        hooks.sort_by_key(|(function, _)| !matches!(function, Function::SslFree | Function::SslClear));
        let clears = hooks.iter().any(|(function, _)| *function == Function::SslClear);
        let layout = Layout {
            clears: u32::from(clears),
            ..target.layout
        };
        self.kernel()
            .set_layout(slot, layout)
            .map_err(|error| error.to_string())?;
        self.kernel()
            .attach(&target.file, slot, &hooks)
            .map_err(|error| error.to_string())
    }

    fn kernel(&self) -> MutexGuard<'_, Kernel> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn detach(&mut self, id: FileId) {
        if let Some(attachment) = self.attached.remove(&id) {
            tracing::info!(library = %attachment.target.path.display(), "detached: no process uses it");
            self.free.insert(0, attachment.slot);
        }
    }

    fn report(&self, scan: &Scan) {
        let lines = scan.processes.iter().flat_map(|process: &Arc<ProcessInfo>| {
            coverage::of_process(process, &scan.targets, |target| self.standing(target))
        });
        self.shared.store().set_coverage(lines.collect());
    }

    fn standing(&self, target: &Target) -> Standing {
        if self.attached.contains_key(&target.id) {
            Standing::Attached
        } else if self.refused.contains_key(&target.id) {
            Standing::Refused
        } else if self.exclusion.holds(target) {
            Standing::Excluded
        } else if target.family == Family::OpenSsl {
            Standing::Waiting
        } else {
            Standing::Unsupported
        }
    }
}
