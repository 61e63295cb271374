//! The client: many short connections, each told as it ends.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, anyhow, ensure};
use rustix::process::Pid;
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;
use serde_json::json;

use crate::interrupt::{self, Leftover, Registration};
use crate::rig::scratch::Scratch;

const SCRIPT: &str = include_str!("load.py");
/// Connections at once.
const THREADS: usize = 4;

/// A connection as the client knows it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Made {
    /// Position in the list of names.
    pub(super) number: usize,
    /// The client's process.
    pub(super) pid: u32,
    /// Its own `address:port`.
    pub(super) local: String,
    /// Status of the answer.
    pub(super) status: u16,
    /// Before it was opened; nanoseconds of `CLOCK_MONOTONIC`.
    pub(super) started: u64,
}

/// The client while it runs.
pub(super) struct Load {
    child: Child,
    made: Arc<Mutex<Vec<Made>>>,
    reader: Option<JoinHandle<Result<()>>>,
    _registration: Registration,
}

impl Load {
    /// Starts to make a connection for each name to a port of 127.0.0.1.
    pub(super) fn start(scratch: &Scratch, port: u16, names: &[String]) -> Result<Self> {
        let script = scratch.write("load.py", SCRIPT)?;
        let mut child = Command::new("python3")
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the load")?;
        let registration = interrupt::register(Leftover::Process(Pid::from_child(&child)));
        let options = json!({"port": port, "names": names, "threads": THREADS});
        let mut input = child.stdin.take().context("the load has no input")?;
        writeln!(input, "{options}").context("the load does not read")?;
        let output = child.stdout.take().context("the load has no output")?;
        let made = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&made);
        let reader = thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let line = line.context("cannot read what the load prints")?;
                let one = serde_json::from_str(&line).with_context(|| format!("the load printed {line}"))?;
                locked(&sink).push(one);
            }
            Ok(())
        });
        Ok(Self {
            child,
            made,
            reader: Some(reader),
            _registration: registration,
        })
    }

    /// What has ended so far.
    pub(super) fn made(&self) -> Vec<Made> {
        locked(&self.made).clone()
    }

    /// How many have ended so far.
    pub(super) fn count(&self) -> usize {
        locked(&self.made).len()
    }

    /// Whether no more will come.
    pub(super) fn is_over(&self) -> bool {
        self.reader.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the end, and returns everything.
    pub(super) fn finish(mut self) -> Result<Vec<Made>> {
        if let Some(reader) = self.reader.take() {
            reader.join().map_err(|_| anyhow!("the reader panicked"))??;
        }
        let status = self.child.wait().context("cannot wait for the load")?;
        ensure!(status.success(), "the load failed: {status}");
        Ok(self.made())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // It has ended if it was waited for.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Now, on the clock of [`Made::started`].
pub(super) fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let nanoseconds = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
    u64::try_from(nanoseconds).unwrap_or_default()
}

fn locked(made: &Mutex<Vec<Made>>) -> MutexGuard<'_, Vec<Made>> {
    made.lock().unwrap_or_else(PoisonError::into_inner)
}
