//! The trials that are going on: functions that were found by what their code does, and what they show; and the checks
//! of offsets that were derived from code.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ebpf::layout::Layout;
use ebpf::record::Sighting;

use super::memory::Reader;
use crate::code::Program;
use crate::target::calibration::{Check, Opened, Outcome, Random, Randoms};
use crate::target::proof::Code;
use crate::target::stripped::{Cache, Contradiction, Fingerprint, State, Step, Trial};
use crate::wire::hello::Flow;

/// Whether anybody wants client randoms of the wire, and to know of connections. Shared with who has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted(Arc<AtomicBool>);

impl Wanted {
    /// Whether they are wanted.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, wanted: bool) {
        self.0.store(wanted, Ordering::Relaxed);
    }
}

/// The trials, by the slots of their programs.
pub(super) struct Trials {
    running: HashMap<u16, Trial>,
    checks: HashMap<u16, Check>,
    randoms: Randoms,
    /// Code that is not what it was taken for.
    contradicted: HashMap<Fingerprint, Contradiction>,
    wanted: Wanted,
    proc_root: PathBuf,
    reader: Reader,
    /// Crashes on trial, by code.
    crashes: HashMap<Fingerprint, u32>,
    /// Where that is remembered beyond this run, if it is.
    cache: Option<Cache>,
}

impl Trials {
    /// None yet.
    pub(super) fn new(proc_root: &Path, wanted: Wanted, cache: Option<Cache>) -> Self {
        Self {
            running: HashMap::new(),
            checks: HashMap::new(),
            randoms: Randoms::default(),
            contradicted: HashMap::new(),
            wanted,
            proc_root: proc_root.to_owned(),
            reader: Reader::new(),
            crashes: HashMap::new(),
            cache,
        }
    }

    /// Why code is not to be tried again.
    pub(super) fn contradiction(&self, code: &Code) -> Option<Contradiction> {
        let now = self.contradicted.get(&code.fingerprint).copied();
        now.or(code.contradiction)
    }

    /// The trial of the program in a slot begins, at this time of `CLOCK_BOOTTIME`.
    pub(super) fn begin(&mut self, slot: u16, now: u64) {
        self.running.insert(slot, Trial::new(now));
        self.update_wanted();
    }

    /// The offsets of the library in a slot are to be checked.
    pub(super) fn check(&mut self, slot: u16, layout: &Layout) {
        if let Some(check) = Check::of(layout) {
            self.checks.insert(slot, check);
            self.update_wanted();
        }
    }

    /// A connection of a library is observed.
    pub(super) fn opened(&mut self, slot: u16, opened: &Opened) -> Option<Outcome> {
        let check = self.checks.get_mut(&slot)?;
        let randoms = &self.randoms;
        let outcome = self.reader.with(&self.proc_root, opened.pid, |memory| {
            check.opened(opened, memory, randoms)
        });
        if !check.is_open() {
            self.checks.remove(&slot);
            self.update_wanted();
        }
        outcome
    }

    /// The program in a slot is no longer observed.
    pub(super) fn end(&mut self, slot: u16) {
        self.running.remove(&slot);
        self.checks.remove(&slot);
        self.update_wanted();
    }

    /// Whether a contradiction is one of the code, rather than of one file or of its traffic. A program may crash by itself;
    /// with probes in it twice, it does not.
    pub(super) fn condemns(&mut self, code: &Code, contradiction: Contradiction) -> bool {
        if contradiction != Contradiction::Crash {
            return contradiction.is_of_the_code();
        }
        let crashes = self.crashes.entry(code.fingerprint.clone()).or_default();
        *crashes += 1;
        *crashes > 1
    }

    /// Code is not what it was taken for.
    pub(super) fn refuse(&mut self, code: &Code, contradiction: Contradiction, program: &Program) {
        self.contradicted.insert(code.fingerprint.clone(), contradiction);
        if let Some(cache) = &self.cache
            && let Err(error) = cache.store(program, &code.found, Some(contradiction))
        {
            tracing::warn!(%error, "what a trial brought to light is not remembered beyond this run");
        }
    }

    /// How far the trial of the program in a slot is; `None`: it has none.
    pub(super) fn state(&self, slot: u16) -> Option<State> {
        self.running.get(&slot).map(Trial::state)
    }

    /// The wire showed a ClientHello.
    pub(super) fn add_random(&mut self, random: Random, counts: bool, flow: Flow) {
        self.randoms.add(random, counts, flow);
    }

    /// A function on trial moved data.
    pub(super) fn sighted(&mut self, sighting: &Sighting) -> Option<(u16, Step)> {
        let slot = sighting.library;
        let trial = self.running.get_mut(&slot)?;
        let randoms = &self.randoms;
        let step = self
            .reader
            .with(&self.proc_root, sighting.header.tgid, |memory| {
                trial.sighted(sighting, memory, randoms)
            })?;
        self.update_wanted();
        Some((slot, step))
    }

    /// A process with a program's probes in it crashed.
    pub(super) fn crashed(&mut self, slot: u16) -> Option<(u16, Step)> {
        let step = self.running.get_mut(&slot)?.crashed()?;
        self.update_wanted();
        Some((slot, step))
    }

    /// It is this late: what waited may be decided.
    pub(super) fn tick(&mut self, now: u64) -> Vec<(u16, Step)> {
        let randoms = &self.randoms;
        let running = self.running.iter_mut();
        let steps = running
            .filter_map(|(slot, trial)| Some((*slot, trial.tick(now, randoms)?)))
            .collect();
        self.update_wanted();
        steps
    }

    fn update_wanted(&self) {
        let undecided = |trial: &Trial| matches!(trial.state(), State::Calibrating | State::Shadow);
        self.wanted
            .set(!self.checks.is_empty() || self.running.values().any(undecided));
    }
}
