//! Feeds the observer: decodes records, answers what only the system knows, and hands on what follows.

use std::{
    collections::{HashMap, HashSet},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, Sender},
    },
};

use ebpf::record::{Carrier, SocketSource};

use super::{
    discovery::{Event, Library},
    owner::{Answer, Owners, Question},
    reporting::Reporting,
    socket,
    trials::Wanted,
};
use crate::{
    connection::Process,
    decode::{self, Record},
    export::Shared,
    observer::{Input, Observer, Output, UNCONFIRMED},
    policy::Policy,
    recording::Writer,
    target::{self, calibration::Opened},
    wire::client_hello::EncryptedClientHello,
};

/// Stage of the losses counted here.
const STAGE: &str = "owner";
/// Too many connections that no library shows came at once: their processes are not looked for.
const OWNERS_BUSY: &str = "busy";
/// Processes that are remembered from their start, before their first connection.
const STARTED: usize = 4096;

/// Where what happens is also written down.
pub(super) type Recorder = Writer<Box<dyn Write + Send>>;

/// The way from the ring buffer to the store.
pub(super) struct Intake {
    observer: Observer,
    libraries: Receiver<Library>,
    events: Option<Sender<Event>>,
    shared: Shared,
    reporting: Reporting,
    recorder: Option<Recorder>,
    recording_failed: Option<std::io::Error>,
    proc_root: PathBuf,
    owners: Owners,
    /// Processes that replaced their image lately, as they were then: a short-lived one may be gone when its first
    /// connection is told.
    started: HashMap<u32, Process>,
    outputs: Vec<Output>,
    /// Set while functions are on trial, which need the client randoms of the wire.
    wanted: Wanted,
    /// Libraries with connections whose socket is not known, since the last tick.
    unplaced: HashSet<u16>,
}

impl Intake {
    /// `epoch` as in [`Observer::new`].
    pub(super) fn new(
        epoch: u64,
        libraries: Receiver<Library>,
        events: Sender<Event>,
        shared: Shared,
        recorder: Option<Recorder>,
        reporting: Reporting,
        wanted: Wanted,
    ) -> Self {
        shared.metrics().expect_losses(STAGE, [OWNERS_BUSY]);
        Self {
            observer: Observer::new(epoch),
            libraries,
            events: Some(events),
            shared,
            reporting,
            recorder,
            recording_failed: None,
            owners: Owners::start(PathBuf::from("/proc")),
            proc_root: PathBuf::from("/proc"),
            started: HashMap::new(),
            outputs: Vec::new(),
            wanted,
            unplaced: HashSet::new(),
        }
    }

    /// Numbers connections and exchanges after those of earlier runs.
    pub(super) const fn number_after(&mut self, connection: u64, exchange: u64) {
        self.observer.number_after(connection, exchange);
    }

    /// Judges, shows and reports by this policy from now on.
    pub(super) fn set_policy(&mut self, policy: Arc<Policy>) {
        self.reporting.set_policy(Arc::clone(&policy));
        self.shared.set_policy(Arc::clone(&policy));
        self.observer.set_policy(policy);
    }

    /// Takes one record of the kernel.
    pub(super) fn record(&mut self, bytes: &[u8]) {
        let record = match Record::from_bytes(bytes) {
            Ok(record) => record,
            Err(malformed) => {
                tracing::debug!(%malformed, "a record of the kernel was dropped");
                self.shared.metrics().loss(decode::STAGE, malformed.as_str(), 1);
                return;
            }
        };
        match &record {
            Record::Connection(connection) => {
                self.introduce(connection.header.tgid);
                if self.wanted.is_set() && connection.from_start == 1 {
                    let opened = Opened {
                        pid: connection.header.tgid,
                        object: connection.header.ssl,
                        random: connection.client_random,
                    };
                    self.tell(Event::Opened(connection.library, opened));
                }
                // What is fed from memory uses no socket.
                if connection.socket.source == SocketSource::Unknown as u8
                    && connection.carrier != Carrier::Memory as u8
                {
                    // Once a tick is enough: the library is asked about, not the connection.
                    if self.unplaced.insert(connection.library) {
                        self.tell(Event::Unplaced(connection.library));
                    }
                }
            }
            Record::Exec(header) => {
                if self.started.len() >= STARTED {
                    self.started.clear();
                }
                self.started
                    .insert(header.tgid, identify(&self.proc_root, header.tgid));
                self.tell(Event::Exec(header.tgid));
            }
            Record::Crash(header) => self.tell(Event::Crash(header.tgid)),
            Record::Sighting(sighting) => self.tell(Event::Sighting(Box::new(*sighting))),
            Record::Exit(header) => {
                self.started.remove(&header.tgid);
            }
            _ => {}
        }
        if let Some(recorder) = &mut self.recorder {
            // The slot in the ring may be longer than the record.
            let size = (record.header().size as usize).min(bytes.len());
            let written = recorder.record(&bytes[..size]);
            self.recorded(written);
        }
        let before = self.outputs.len();
        self.observer.input(Input::Record(record), &mut self.outputs);
        self.answer(before);
    }

    /// It is this late, nanoseconds of `CLOCK_BOOTTIME`.
    pub(super) fn tick(&mut self, time: u64) {
        self.unplaced.clear();
        let before = self.outputs.len();
        self.observer.input(Input::Tick(time), &mut self.outputs);
        while let Some(Answer { random, owners }) = self.owners.answer() {
            self.feed(Input::Owners { random, owners });
        }
        self.answer(before);
        self.shared.answer_listeners(|| self.observer.listeners());
        self.reporting.tick(time);
    }

    /// Hands what followed from the records on.
    pub(super) fn deliver(&mut self) {
        for output in &self.outputs {
            match output {
                Output::Exchange(judged) => self.reporting.exchange(judged),
                Output::Outcome {
                    exchange,
                    outcome,
                    retried_as,
                } => self.reporting.outcome(*exchange, outcome.as_str(), *retried_as),
                _ => {}
            }
        }
        if !self.outputs.is_empty() {
            self.shared.take(self.outputs.drain(..));
        }
    }

    /// Lets the discovery thread end.
    pub(super) fn stop_discovery(&mut self) {
        self.events = None;
    }

    /// Ends the recording, if there is one.
    ///
    /// # Errors
    /// Returns the first error of writing it.
    pub(super) fn finish(mut self) -> std::io::Result<()> {
        self.observer.finish(&mut self.outputs);
        self.deliver();
        self.reporting.finish();
        if let Some(error) = self.recording_failed {
            return Err(error);
        }
        self.recorder
            .map_or(Ok(()), |recorder| recorder.finish().map(drop))
    }

    /// Whether a recording is made.
    pub(super) const fn is_recording(&self) -> bool {
        self.recorder.is_some()
    }

    /// Whether the recording can no longer be written.
    pub(super) const fn recording_failed(&self) -> bool {
        self.recording_failed.is_some()
    }

    /// Makes sure that the process and the libraries are known before a connection of theirs.
    fn introduce(&mut self, pid: u32) {
        while let Ok(Library { slot, path }) = self.libraries.try_recv() {
            self.feed(Input::Library {
                slot,
                path: path.display().to_string(),
            });
        }
        if !self.observer.knows(pid) {
            let started = self.started.get(&pid).cloned();
            self.feed(Input::Process(
                started.unwrap_or_else(|| identify(&self.proc_root, pid)),
            ));
        }
    }

    /// Answers what the observer asked since there were this many outputs.
    fn answer(&mut self, before: usize) {
        let mut index = before;
        while let Some(output) = self.outputs.get(index) {
            match output {
                Output::Confirm { .. } | Output::Unclaimed { .. } => {}
                Output::ClientHello {
                    hello: Some(hello),
                    flow,
                    ..
                } if self.wanted.is_set() => {
                    let counts = hello.encrypted_client_hello == EncryptedClientHello::Absent;
                    self.tell(Event::ClientHello(hello.random, counts, *flow));
                    index += 1;
                    continue;
                }
                _ => {
                    index += 1;
                    continue;
                }
            }
            match self.outputs.remove(index) {
                Output::Confirm { key, socket } if belongs(&self.proc_root, key.pid, &socket) => {
                    self.feed(Input::Socket { key, socket });
                }
                Output::Confirm { .. } => self.shared.metrics().join(UNCONFIRMED),
                Output::Unclaimed {
                    random,
                    transport,
                    roles,
                    flows,
                } => self.ask_owners(Question {
                    random,
                    transport,
                    roles,
                    flows,
                }),
                _ => {}
            }
        }
    }

    fn tell(&self, event: Event) {
        if let Some(events) = &self.events {
            // The receiver goes away only when the agent stops.
            let _ = events.send(event);
        }
    }

    fn ask_owners(&mut self, question: Question) {
        let random = question.random;
        if !self.owners.ask(question) {
            self.shared.metrics().loss(STAGE, OWNERS_BUSY, 1);
            let owners = Vec::new();
            self.feed(Input::Owners { random, owners });
        }
    }

    fn feed(&mut self, input: Input<'_>) {
        if let Some(recorder) = &mut self.recorder {
            let written = recorder.note(&input);
            self.recorded(written);
        }
        self.observer.input(input, &mut self.outputs);
    }

    fn recorded(&mut self, written: std::io::Result<()>) {
        if let Err(error) = written {
            self.recording_failed.get_or_insert(error);
        }
    }
}

fn identify(proc_root: &Path, pid: u32) -> Process {
    let identity = target::identify(proc_root, pid);
    Process {
        pid,
        exe: identity.exe.map(|exe| exe.display().to_string()),
        container: identity.container,
        ..Process::default()
    }
}

fn belongs(proc_root: &Path, pid: u32, socket: &crate::connection::Socket) -> bool {
    socket::belongs(proc_root, pid, socket.local, socket.peer)
}
