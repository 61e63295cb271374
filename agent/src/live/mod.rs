//! The running agent: one thread finds and attaches, one task drains the ring and feeds the observer, others serve.

pub mod alerts;
mod backoff;
mod coverage;
mod discovery;
mod emulation;
mod exclusion;
mod intake;
mod interface;
mod journal;
mod memory;
mod owner;
mod policy;
mod reporting;
mod socket;
mod trials;
mod wire;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::MissedTickBehavior,
};

use discovery::Discovery;
use intake::{Intake, Recorder};
pub use interface::{Choice, Mode};
pub use policy::PolicySource;
use reporting::Reporting;
use trials::Wanted;
use wire::Wire;

use crate::{
    export::{self, Shared, control, http},
    journal::{Journal, Past, Settings},
    kernel::{self, Counters, Kernel, Limits},
    policy::Policy,
    recording::{self, Writer},
    target::stripped::Cache,
    verdict::Verdict,
};

/// Records that are taken before what followed from them is handed on.
const BATCH: usize = 1024;
/// How often the agent shows that it is alive.
const BEAT: Duration = Duration::from_secs(1);
/// How often what waits for nothing but time is looked at.
const TICK: Duration = Duration::from_millis(200);
/// How long records are still taken after the probes are gone.
const AFTERGLOW: Duration = Duration::from_millis(300);

/// Where the agent serves.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// Metrics and health.
    pub listen: SocketAddr,
    /// The control socket.
    pub control: PathBuf,
}

/// How the agent runs.
pub struct Options {
    /// Where it serves, if it does.
    pub endpoints: Option<Endpoints>,
    /// Where a recording goes, if one is made.
    pub recording: Option<Box<dyn std::io::Write + Send>>,
    /// Directory of the findings journal, if one is kept.
    pub journal: Option<PathBuf>,
    /// When it stops by itself, if it does.
    pub duration: Option<Duration>,
    /// Libraries and programs that get no probes, as the processes that run them name them.
    pub exclude: Vec<PathBuf>,
    /// Directory where what was found in programs' code is remembered, if it is.
    pub cache: Option<PathBuf>,
    /// Whose packets it looks at, if it does.
    pub interfaces: Option<Choice>,
    /// Where its policy comes from.
    pub policy: PolicySource,
}

/// Runs the agent until it is told to stop.
///
/// # Errors
/// Returns what keeps it from starting, or what made it stop.
pub fn run(options: Options) -> anyhow::Result<()> {
    let journal = options
        .journal
        .as_deref()
        .map(|directory| Journal::open(directory, Settings::default()))
        .transpose()
        .map_err(crate::cli::failure::Failure::from)?;
    kernel::check().map_err(kernel::LoadError::from)?;
    let shared = Shared::default();
    let past = match &journal {
        Some(journal) => read_past(journal.directory())?,
        None => Past::default(),
    };
    shared
        .store()
        .set_past(past.findings.into_iter().map(|found| found.exchange));
    let numbers = (past.highest_connection_id, past.highest_exchange_id);
    let listener = options
        .endpoints
        .as_ref()
        .map(|endpoints| http::bind(endpoints.listen))
        .transpose();
    let listener = listener.map_err(crate::cli::failure::Failure::from)?;
    let control = options
        .endpoints
        .as_ref()
        .map(|endpoints| control::ControlSocket::bind(&endpoints.control));
    let control = control.transpose().map_err(crate::cli::failure::Failure::from)?;
    shared
        .metrics()
        .expect_verdicts(Verdict::ALL.iter().map(|verdict| verdict.as_str()));
    shared.health().set_pending("attaching to what runs now");

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the agent's threads")?;
    runtime.block_on(async {
        if let Some(listener) = listener {
            tokio::spawn(http::serve(listener, shared.clone()));
        }
        if let Some(control) = control {
            tokio::spawn(control::serve(control, shared.clone()));
        }
        let policy = options.policy.watch(shared.metrics())?;
        let work = Work {
            recording: options.recording,
            journal,
            numbers,
            duration: options.duration,
            exclude: options.exclude,
            cache: options.cache,
            interfaces: options.interfaces,
            policy,
        };
        observe(&shared, work).await
    })
}

/// What the agent does beside serving.
struct Work {
    recording: Option<Box<dyn std::io::Write + Send>>,
    journal: Option<Journal>,
    /// The highest numbers of a connection and of an exchange of earlier runs.
    numbers: (u64, u64),
    duration: Option<Duration>,
    exclude: Vec<PathBuf>,
    cache: Option<PathBuf>,
    interfaces: Option<Choice>,
    policy: watch::Receiver<Arc<Policy>>,
}

/// What earlier runs found, as much of it as is shown.
fn read_past(directory: &Path) -> anyhow::Result<Past> {
    let past = Past::read(directory, None, export::store::Limits::default().findings)
        .with_context(|| format!("cannot read the journal in {}", directory.display()))?;
    if past.unreadable > 0 {
        let lines = past.unreadable;
        tracing::warn!(directory = %directory.display(), lines, "lines of the journal that cannot be read are left out");
    }
    Ok(past)
}

async fn observe(shared: &Shared, work: Work) -> anyhow::Result<()> {
    let mut policy = work.policy;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let epoch = epoch();
    let recorder = work.recording.map(|to| start_recording(to, epoch)).transpose()?;

    let mut kernel = Kernel::load(Limits::default())?;
    if let Err(reason) = &kernel.kernel_layout {
        tracing::warn!(reason, "sockets stay unknown");
    }
    let (emulation, samples) = emulation::measure(&mut kernel);
    let mut drain = kernel.drain()?;
    show_counters(kernel.counters()?, shared);

    let kernel = Arc::new(Mutex::new(kernel));
    let wire = match work.interfaces {
        Some(choice) => Some(Wire::start(Arc::clone(&kernel), choice, shared.clone()).await),
        None => None,
    };
    let wire = wire.map(|wire| tokio::spawn(wire.run()));

    let wanted = Wanted::default();
    let (event_sender, events) = mpsc::channel();
    let (library_sender, libraries) = mpsc::channel();
    let first = Arc::clone(&policy.borrow_and_update());
    let reporting = Reporting::start(Arc::clone(&first), work.journal, epoch, shared.clone())
        .context("cannot start the journal's thread")?;
    let mut intake = Intake::new(
        epoch,
        libraries,
        event_sender,
        shared.clone(),
        recorder,
        reporting,
        wanted.clone(),
    );
    let (connection, exchange) = work.numbers;
    intake.number_after(connection, exchange);
    intake.set_policy(first);
    let discovery = {
        let recording = intake.is_recording();
        let shared = shared.clone();
        tokio::task::spawn_blocking(move || {
            let settings = discovery::Settings {
                excluded: work.exclude,
                emulation,
                cache: work.cache.map(Cache::new),
                wanted,
            };
            let discovery = Discovery::start(kernel, library_sender, shared.clone(), settings);
            shared.health().set_ready();
            tracing::info!(recording, "ready");
            discovery.run(&events);
            // Not before: the kernel lets nobody attach while it waits for the end of a probe.
            drop(samples);
        })
    };

    let end = work
        .duration
        .map(|duration| tokio::time::Instant::now() + duration);
    let mut beat = tokio::time::interval(BEAT);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            drained = drain.records(BATCH, |record| intake.record(record)) => {
                drained.context("cannot wait for records")?;
                intake.deliver();
                if intake.recording_failed() {
                    break;
                }
            }
            _ = beat.tick() => shared.health().beat(),
            _ = tick.tick() => {
                intake.tick(nanoseconds(ClockId::Boottime));
                intake.deliver();
            }
            Ok(()) = policy.changed() => {
                let changed = Arc::clone(&policy.borrow_and_update());
                intake.set_policy(changed);
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = until(end) => break,
        }
    }
    tracing::info!("stopping");
    if let Some(wire) = wire {
        wire.abort();
        // Its programs are detached when it has ended; that it was aborted is no news.
        drop(wire.await);
    }
    intake.stop_discovery();
    discovery.await.context("the discovery thread failed")?;
    let last = Instant::now() + AFTERGLOW;
    while let Ok(drained) =
        tokio::time::timeout_at(last.into(), drain.records(BATCH, |record| intake.record(record))).await
    {
        drained.context("cannot wait for records")?;
    }
    intake.finish().context("cannot write the recording")
}

/// Brings the kernel's counters into every scrape.
fn show_counters(counters: Counters, shared: &Shared) {
    shared.metrics().before_scrape(move |metrics| {
        let counts = counters.read();
        for (fault, count) in counts.losses {
            metrics.set_losses("kernel", fault.as_str(), count);
        }
        for (probe, count) in counts.hits {
            metrics.set_probe_hits(&probe, count);
        }
    });
}

async fn until(end: Option<tokio::time::Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}

fn start_recording(to: Box<dyn std::io::Write + Send>, epoch: u64) -> anyhow::Result<Recorder> {
    let start = recording::Start {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch,
    };
    Writer::new(to, &start).context("cannot write the recording")
}

/// The wall clock, in nanoseconds since the Unix epoch, at the zero of `CLOCK_BOOTTIME`.
fn epoch() -> u64 {
    nanoseconds(ClockId::Realtime).saturating_sub(nanoseconds(ClockId::Boottime))
}

/// The wall clock, in seconds since the Unix epoch.
fn seconds_of_the_wall_clock() -> i64 {
    clock_gettime(ClockId::Realtime).tv_sec
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}
