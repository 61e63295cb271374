//! Finds libraries and attaches to them, on a thread of its own: reading a large executable must not hold up the
//! records.

mod sockets;
mod trial;

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
    layout::{Layout, MAX_LAYOUTS, NAMED, ON_TRIAL, Passage},
    record::Sighting,
};
use rustix::time::ClockId;

use super::coverage::{self, Standing};
use super::exclusion::Exclusion;
use super::nanoseconds;
use super::trials::{Trials, Wanted};
use crate::{
    export::Shared,
    kernel::{Attached, Kernel, Point},
    target::{
        Emulation, FileId, Hook, ProcessInfo, ProcessScan, Proof, Scan, Scanner, Target,
        calibration::{Opened, Random},
        hook::Purpose,
        machine_root, standard_libraries,
        stripped::{Cache, Contradiction, State},
    },
    wire::hello::Flow,
};
use sockets::Search;

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
/// Functions were found not to be what they were taken for.
const CONTRADICTED: &str = "contradicted";
/// Connections do not have their client random where the library's accessor says.
const OFFSETS_CONTRADICTED: &str = "offsets_contradicted";
/// The search for sockets of a library's connections could not begin.
const SEARCH_REFUSED: &str = "search_refused";
/// A trial came to nothing.
const UNCONFIRMED: &str = "unconfirmed";
const PROC: &str = "/proc";

/// What the thread is told.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A process replaced its image.
    Exec(u32),
    /// A process ended by a signal that says that its code is broken.
    Crash(u32),
    /// A function on trial moved data.
    Sighting(Box<Sighting>),
    /// The wire showed a ClientHello with this random, there; the second is as in [`crate::target::calibration::Randoms::add`].
    ClientHello(Random, bool, Flow),
    /// A connection of the library in this slot is observed.
    Opened(u16, Opened),
    /// A connection of the library in this slot is observed, and it is not known which socket it uses.
    Unplaced(u16),
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
    /// Libraries whose connections do not have their client random where the accessor says.
    misplaced: HashSet<FileId>,
    /// Programs whose trial came to nothing, why, and when they are tried again, if they are.
    unconfirmed: HashMap<FileId, (Contradiction, Option<Instant>)>,
    trials: Trials,
    free: Vec<u16>,
    looks: BTreeMap<Instant, Vec<u32>>,
    /// What the latest sweep showed.
    seen: Scan,
    libraries: Sender<Library>,
    shared: Shared,
}

/// How the thread works.
pub(super) struct Settings {
    /// Libraries and programs that are left alone.
    pub(super) excluded: Vec<PathBuf>,
    /// What the kernel emulates.
    pub(super) emulation: Emulation,
    /// Where what was found in code is remembered, if it is.
    pub(super) cache: Option<Cache>,
    /// Set while client randoms of the wire are wanted.
    pub(super) wanted: Wanted,
}

struct Attachment {
    slot: u16,
    target: Arc<Target>,
    _probes: Attached,
    search: Search,
}

impl Discovery {
    /// Attaches to everything that runs now.
    pub(super) fn start(
        kernel: Arc<Mutex<Kernel>>,
        libraries: Sender<Library>,
        shared: Shared,
        settings: Settings,
    ) -> Self {
        let mut scanner = Scanner::new(PROC)
            .with_emulation(settings.emulation)
            .with_cache(settings.cache.clone());
        let root = machine_root();
        scanner.watch(root, standard_libraries(root));
        let slots = u16::try_from(MAX_LAYOUTS).unwrap_or(u16::MAX);
        let mut discovery = Self {
            kernel,
            scanner,
            attached: HashMap::new(),
            exclusion: Exclusion::new(root, settings.excluded),
            refused: HashMap::new(),
            misplaced: HashSet::new(),
            unconfirmed: HashMap::new(),
            trials: Trials::new(Path::new(PROC), settings.wanted, settings.cache),
            free: (1..slots).rev().collect(),
            looks: BTreeMap::new(),
            seen: Scan::default(),
            libraries,
            shared,
        };
        discovery.shared.metrics().expect_losses(
            STAGE,
            [
                "refused",
                "slots_full",
                CONTRADICTED,
                UNCONFIRMED,
                OFFSETS_CONTRADICTED,
                SEARCH_REFUSED,
            ],
        );
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
                Ok(event) => self.event(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            self.look(now);
            self.decide_trials();
            self.go_on_searching(now);
            if now >= sweep {
                self.sweep();
                let scanned = now.elapsed().saturating_sub(self.scanner.time_of_searches());
                sweep = Instant::now() + SWEEP.max(scanned * REST);
            }
            if now >= clear {
                self.kernel()
                    .forget(|pid| !Path::new(&format!("/proc/{pid}")).exists());
                clear = Instant::now() + CLEAR;
            }
        }
    }

    fn event(&mut self, event: Event) {
        let step = match event {
            Event::Exec(pid) => {
                self.expect(pid);
                None
            }
            Event::Crash(pid) => self.slot_on_trial(pid).and_then(|slot| self.trials.crashed(slot)),
            Event::Sighting(sighting) => self.trials.sighted(&sighting),
            Event::ClientHello(random, counts, flow) => {
                self.trials.add_random(random, counts, flow);
                None
            }
            Event::Opened(slot, opened) => {
                self.check(slot, &opened);
                None
            }
            Event::Unplaced(slot) => {
                self.search_sockets(slot);
                None
            }
        };
        if let Some((slot, step)) = step {
            self.take(slot, step);
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
        self.misplaced.retain(|id| used.contains(id));
        self.retry_trials(&used);
        self.seen = scan;
        self.report();
    }

    fn attach(&mut self, target: &Arc<Target>) {
        if let Some(attachment) = self.attached.get_mut(&target.id) {
            if Arc::ptr_eq(&attachment.target, target) {
                return;
            }
            if attachment.target.is_same_code(target) {
                // Its owner, its mode or its number of links changed, as of each library that an upgrade replaces.
                attachment.target = Arc::clone(target);
                return;
            }
            // The file was rewritten in place: what stands at the old offsets is anything.
            self.detach(target.id);
        }
        if self.refused.contains_key(&target.id)
            || self.misplaced.contains(&target.id)
            || self.unconfirmed.contains_key(&target.id)
            || !target.is_observable()
            || self.exclusion.holds(target)
            || self.contradiction(target).is_some()
        {
            return;
        }
        let Some(slot) = self.free.pop() else {
            self.shared.metrics().loss(STAGE, "slots_full", 1);
            return;
        };
        match self.probe(target, slot) {
            Ok((probes, search)) => {
                let on_trial = matches!(target.proof, Proof::Code(_));
                tracing::info!(library = %target.path.display(), slot, on_trial, "attached");
                let attachment = Attachment {
                    slot,
                    target: Arc::clone(target),
                    _probes: probes,
                    search,
                };
                self.attached.insert(target.id, attachment);
            }
            Err(reason) => {
                tracing::warn!(library = %target.path.display(), reason, "cannot attach");
                self.shared.metrics().loss(STAGE, "refused", 1);
                self.refused.insert(target.id, reason);
                self.trials.end(slot);
                self.free.push(slot);
            }
        }
    }

    fn probe(&mut self, target: &Target, slot: u16) -> Result<(Attached, Search), String> {
        // Told before the first record can name the slot.
        let library = Library {
            slot,
            path: target.path.clone(),
        };
        self.libraries
            .send(library)
            .map_err(|_| "the agent is stopping".to_owned())?;
        let mut points: Vec<Point> = target
            .needed_hooks()
            .filter(|hook| hook.purpose == Purpose::Calls)
            .map(Point::from)
            .collect();
        // What ends connections comes first: no end is missed of one whose beginning was seen.
        points.sort_by_key(|point| !matches!(point.function, Function::SslFree | Function::SslClear));
        let clears = points.iter().any(|point| point.function == Function::SslClear);
        let passage = |function| {
            let mut hooks = target.hooks.iter().filter(|hook| hook.function == function);
            hooks.find_map(Hook::passage).unwrap_or(Passage::NONE)
        };
        let layout = Layout {
            clears: u32::from(clears),
            proof: if matches!(target.proof, Proof::Named) {
                NAMED
            } else {
                ON_TRIAL
            },
            read: passage(Function::SslReadEx),
            write: passage(Function::SslWriteEx),
            ..target.layout
        };
        self.kernel()
            .set_layout(slot, layout)
            .map_err(|error| error.to_string())?;
        if layout.proof == ON_TRIAL {
            self.trials.begin(slot, nanoseconds(ClockId::Boottime));
        } else {
            self.trials.check(slot, &layout);
        }
        let mut kernel = self.kernel();
        // Before the others, so that a connection shows its socket with the first that it writes.
        let search = self.search_first(&mut kernel, target, slot);
        let probes = kernel.attach(&target.file, slot, &points);
        probes
            .map(|probes| (probes, search))
            .map_err(|error| error.to_string())
    }

    fn kernel(&self) -> MutexGuard<'_, Kernel> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Detaches from a file, and forgets its connections: no probe will tell what they move, nor their end.
    fn detach(&mut self, id: FileId) {
        if let Some(Attachment {
            slot,
            target,
            search,
            _probes: probes,
        }) = self.attached.remove(&id)
        {
            drop((probes, search));
            self.kernel().forget_library(slot);
            tracing::info!(library = %target.path.display(), "detached");
            self.trials.end(slot);
            self.free.insert(0, slot);
        }
    }

    /// Tells what can be seen of each process of the latest sweep.
    fn report(&self) {
        let lines = self.seen.processes.iter().flat_map(|process: &Arc<ProcessInfo>| {
            coverage::of_process(process, &self.seen.targets, |target| self.standing(target))
        });
        self.shared.store().set_coverage(lines.collect());
    }

    fn standing(&self, target: &Target) -> Standing {
        if let Some(attachment) = self.attached.get(&target.id) {
            match self.trials.state(attachment.slot) {
                None | Some(State::Promoted) => Standing::Attached,
                Some(state) => Standing::NotBelieved(state.as_str()),
            }
        } else if let Some((contradiction, _)) = self.unconfirmed.get(&target.id) {
            Standing::NotBelieved(contradiction.as_str())
        } else if self.misplaced.contains(&target.id) {
            Standing::NotBelieved(OFFSETS_CONTRADICTED)
        } else if self.refused.contains_key(&target.id) {
            Standing::Refused
        } else if self.exclusion.holds(target) {
            Standing::Excluded
        } else if let Some(contradiction) = self.contradiction(target) {
            Standing::NotBelieved(contradiction.as_str())
        } else if let Proof::Unproven(refusal) = target.proof {
            Standing::Unproven(refusal)
        } else if target.is_observable() {
            Standing::Waiting
        } else {
            Standing::Unsupported
        }
    }
}
