//! Programs that run beside us and end when we do.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::interrupt::{self, Leftover, Registration};

const POLL: Duration = Duration::from_millis(20);
/// How long a program may take to end once it is asked to.
const GRACE: Duration = Duration::from_secs(10);

/// A program that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
    _registration: Registration,
}

impl Running {
    /// Starts a program with both its outputs in `log`.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let errors = output.try_clone().context("cannot share a log")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let registration = interrupt::register(Leftover::Process(pid_of(&child)));
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
            _registration: registration,
        })
    }

    /// Waits until somebody listens on a port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When the program ends before that, or takes longer than `timeout`.
    pub fn wait_for_port(&mut self, port: u16, timeout: Duration) -> Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        self.wait_until(timeout, || TcpStream::connect_timeout(&address, POLL).is_ok())
    }

    /// Waits until a condition holds.
    ///
    /// # Errors
    ///
    /// When the program ends before that, or takes longer than `timeout`.
    pub fn wait_until(&mut self, timeout: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let deadline = Instant::now() + timeout;
        while !ready() {
            if let Some(status) = self.ended()? {
                bail!("{} ended at its start: {status}\n{}", self.name, self.log_text());
            }
            if Instant::now() > deadline {
                bail!(
                    "{} is not ready after {timeout:?}\n{}",
                    self.name,
                    self.log_text()
                );
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    ///
    /// When the kernel will not tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .with_context(|| format!("cannot wait for {}", self.name))
    }

    /// Everything it printed.
    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(pid_of(&self.child), signal)
            .with_context(|| format!("cannot send {signal:?} to {}", self.name))
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// When it takes longer than `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!(
                    "{} did not end within {timeout:?}\n{}",
                    self.name,
                    self.log_text()
                );
            }
            sleep(POLL);
        }
    }

    /// Asks it to end, and waits.
    ///
    /// # Errors
    ///
    /// When it does not end in time.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        self.signal(Signal::TERM)?;
        self.wait(GRACE)
    }

    /// Ends it with SIGKILL, as the kernel's out-of-memory killer would.
    ///
    /// # Errors
    ///
    /// When it cannot be killed.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.child
            .kill()
            .with_context(|| format!("cannot kill {}", self.name))?;
        self.wait(GRACE)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.stop().is_err() {
            // It would not end when asked: nothing else is left to do.
            drop(self.kill());
        }
    }
}

/// Runs a program to its end and returns what it printed.
///
/// # Errors
///
/// When it cannot be started or fails; the message has its last words.
pub fn output_of(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!(
            "{} failed: {}\n{}",
            command.get_program().display(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::scratch::Scratch;

    #[test]
    fn a_dropped_program_has_ended() {
        let scratch = Scratch::new("test").unwrap();
        let log = scratch.path().join("log");
        let running = Running::start("sleep", Command::new("sleep").arg("60"), &log).unwrap();
        let pid = pid_of(&running.child);
        drop(running);
        assert!(rustix::process::test_kill_process(pid).is_err());
    }

    #[test]
    fn an_early_end_is_told_with_the_log() {
        let scratch = Scratch::new("test").unwrap();
        let log = scratch.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo no luck >&2; exit 3"]);
        let mut running = Running::start("sh", &mut command, &log).unwrap();
        let error = running.wait_until(GRACE, || false).unwrap_err().to_string();
        assert!(error.contains("no luck"), "{error}");
    }
}
