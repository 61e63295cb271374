//! The running agent: one thread finds and attaches, one task drains the ring and feeds the observer, others serve.

mod coverage;
mod discovery;
mod intake;
mod interface;
mod owner;
mod policy;
mod socket;
mod wire;

use std::{
    net::SocketAddr,
    path::PathBuf,
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
use wire::Wire;

use crate::{
    export::{Shared, control, http},
    kernel::{self, Kernel, Limits},
    policy::Policy,
    recording::{self, Writer},
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
    /// When it stops by itself, if it does.
    pub duration: Option<Duration>,
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
    kernel::check().map_err(kernel::LoadError::from)?;
    let shared = Shared::default();
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
        observe(
            &shared,
            options.recording,
            options.duration,
            options.interfaces,
            policy,
        )
        .await
    })
}

async fn observe(
    shared: &Shared,
    recording: Option<Box<dyn std::io::Write + Send>>,
    duration: Option<Duration>,
    interfaces: Option<Choice>,
    policy: watch::Receiver<Arc<Policy>>,
) -> anyhow::Result<()> {
    tracing::debug!(rules = policy.borrow().rules.len(), "a policy is in force");
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let epoch = epoch();
    let recorder = recording.map(|to| start_recording(to, epoch)).transpose()?;

    let mut kernel = Kernel::load(Limits::default())?;
    if let Err(reason) = &kernel.kernel_layout {
        tracing::warn!(reason, "sockets stay unknown");
    }
    let mut drain = kernel.drain()?;
    let counters = kernel.counters()?;
    shared.metrics().before_scrape(move |metrics| {
        let counts = counters.read();
        for (fault, count) in counts.losses {
            metrics.set_losses("kernel", fault.as_str(), count);
        }
        for (probe, count) in counts.hits {
            metrics.set_probe_hits(&probe, count);
        }
    });

    let kernel = Arc::new(Mutex::new(kernel));
    let wire = match interfaces {
        Some(choice) => Some(Wire::start(Arc::clone(&kernel), choice, shared.clone()).await),
        None => None,
    };
    let wire = wire.map(|wire| tokio::spawn(wire.run()));

    let (event_sender, events) = mpsc::channel();
    let (library_sender, libraries) = mpsc::channel();
    let mut intake = Intake::new(epoch, libraries, event_sender, shared.clone(), recorder);
    let discovery = {
        let recording = intake.is_recording();
        let shared = shared.clone();
        tokio::task::spawn_blocking(move || {
            let discovery = Discovery::start(kernel, library_sender, shared.clone());
            shared.health().set_ready();
            tracing::info!(recording, "ready");
            discovery.run(&events);
        })
    };

    let end = duration.map(|duration| tokio::time::Instant::now() + duration);
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
