//! The agent as its users meet it: the released binary, its command line, its endpoints.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::exchange::Exchange;
use super::metrics::{self, Sample};
use super::network::Namespace;
use super::process::{Running, output_of};
use super::scratch::Scratch;
use super::{http, port};

/// Exit code: a kernel feature or a privilege is missing.
pub const UNSUPPORTED: i32 = 69;
/// What the agent logs of a program that it goes on without. One that it needs ends it, with another exit code.
const REFUSED_PROGRAM: &str = "the kernel refused program ";

const START: Duration = Duration::from_mins(1);
const SETTLE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    /// The program.
    pub process: Running,
    binary: PathBuf,
    control: PathBuf,
    port: u16,
    /// What its command line has beside the usual.
    arguments: Vec<OsString>,
}

/// What came of starting the agent.
#[derive(Debug)]
pub enum Start {
    /// It observes.
    Ready(Agent),
    /// It cannot observe here, and says why.
    Unsupported(String),
}

impl Agent {
    /// Starts `wrongway run` and waits until every target that runs already is attached.
    ///
    /// # Errors
    ///
    /// When it ends for another reason than the machine's, is not ready in time, or the kernel refuses one of its
    /// programs though the machine lacks nothing.
    pub fn start(binary: &Path, scratch: &Scratch) -> Result<Start> {
        Self::start_with(binary, scratch, &[])
    }

    /// As [`Agent::start`], with further arguments.
    ///
    /// # Errors
    ///
    /// As [`Agent::start`].
    pub fn start_with(binary: &Path, scratch: &Scratch, arguments: &[OsString]) -> Result<Start> {
        let port = port::free()?;
        let control = scratch.path().join(format!("control-{port}.sock"));
        Self::start_at(Command::new(binary), binary, &control, port, arguments)
    }

    /// As [`Agent::start`], in a network namespace. Its HTTP endpoints are for those inside alone.
    ///
    /// # Errors
    ///
    /// As [`Agent::start`].
    pub fn start_inside(namespace: &Namespace, binary: &Path, scratch: &Scratch) -> Result<Start> {
        namespace.inside(|| {
            let port = port::free()?;
            let control = scratch.path().join(format!("control-{port}.sock"));
            Self::start_at(namespace.command(binary), binary, &control, port, &[])
        })
    }

    /// Starts another agent in the place of one that has ended: same port, same socket.
    ///
    /// # Errors
    ///
    /// As [`Agent::start`].
    pub fn restart(&self) -> Result<Self> {
        let command = Command::new(&self.binary);
        match Self::start_at(command, &self.binary, &self.control, self.port, &self.arguments)? {
            Start::Ready(agent) => Ok(agent),
            Start::Unsupported(reason) => bail!("the first agent could observe, the second cannot: {reason}"),
        }
    }

    fn start_at(
        mut command: Command,
        binary: &Path,
        control: &Path,
        port: u16,
        arguments: &[OsString],
    ) -> Result<Start> {
        command
            .arg("run")
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .arg("--control")
            .arg(control)
            .arg("--cache")
            .arg(cache_of(control))
            .args(arguments);
        let log = control.with_extension("log");
        let mut process = Running::start("wrongway", &mut command, &log)?;
        let ready = process.wait_until(START, || matches!(http::get(port, "/readyz"), Ok((200, _))));
        if let Err(error) = ready {
            let code = process.ended()?.and_then(|status| status.code());
            if code == Some(UNSUPPORTED) {
                return Ok(Start::Unsupported(process.log_text().trim().to_owned()));
            }
            return Err(error);
        }
        let log = process.log_text();
        if log.contains(REFUSED_PROGRAM) {
            bail!("wrongway goes on without a program that should be accepted\n{log}");
        }
        Ok(Start::Ready(Self {
            process,
            binary: binary.to_owned(),
            control: control.to_owned(),
            port,
            arguments: arguments.to_vec(),
        }))
    }

    /// The exchanges it knows, oldest first.
    ///
    /// # Errors
    ///
    /// When it does not answer, or not as the contract says.
    pub fn exchanges(&self) -> Result<Vec<Exchange>> {
        self.exchanges_since(0)
    }

    /// The exchanges with a greater id, oldest first.
    ///
    /// # Errors
    ///
    /// As [`Agent::exchanges`].
    pub fn exchanges_since(&self, id: u64) -> Result<Vec<Exchange>> {
        let mut command = self.inspect_command("exchanges");
        let lines = output_of(command.args(["--since", &id.to_string()]))?;
        let mut exchanges = lines
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("no exchange: {line}")))
            .collect::<Result<Vec<Exchange>>>()?;
        exchanges.sort_by_key(|exchange| exchange.id);
        Ok(exchanges)
    }

    /// Waits until at least `count` exchanges touched these ports and no more come, and returns them. After
    /// 20 seconds it returns what there is: what is missing is for the caller to judge.
    ///
    /// # Errors
    ///
    /// As [`Agent::exchanges`].
    pub fn settled_exchanges(&self, ports: &[u16], count: usize) -> Result<Vec<Exchange>> {
        let deadline = Instant::now() + SETTLE;
        let mut previous = 0;
        loop {
            let exchanges = self.exchanges()?;
            let touching = exchanges
                .iter()
                .filter(|exchange| exchange.touches(ports))
                .count();
            if (touching >= count && touching == previous) || Instant::now() > deadline {
                return Ok(exchanges);
            }
            previous = touching;
            sleep(POLL);
        }
    }

    /// What `wrongway inspect TOPIC --json` prints.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn inspect(&self, topic: &str) -> Result<String> {
        output_of(&mut self.inspect_command(topic))
    }

    /// What `wrongway explain ID --json` prints.
    ///
    /// # Errors
    ///
    /// When it fails, as for an exchange that is not kept.
    pub fn explain(&self, id: u64) -> Result<String> {
        let mut command = Command::new(&self.binary);
        command.args(["explain", &id.to_string(), "--json", "--control"]);
        output_of(command.arg(&self.control))
    }

    fn inspect_command(&self, topic: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(["inspect", topic, "--json", "--limit", "1000000", "--control"])
            .arg(&self.control);
        command
    }

    /// Scrapes `/metrics`.
    ///
    /// # Errors
    ///
    /// When it does not answer with 200.
    pub fn metrics(&self) -> Result<Vec<Sample>> {
        let (status, body) = http::get(self.port, "/metrics")?;
        if status != 200 {
            bail!("/metrics answered {status}");
        }
        Ok(metrics::parse(&body))
    }

    /// Everything seen but not kept, over all stages and reasons, named.
    ///
    /// # Errors
    ///
    /// As [`Agent::metrics`].
    pub fn losses(&self) -> Result<Vec<Sample>> {
        let mut samples = self.metrics()?;
        samples.retain(|sample| sample.name == "wrongway_losses_total" && sample.value > 0.0);
        Ok(samples)
    }

    /// Port of its HTTP endpoints.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it remembers what it found in programs.
    pub fn cache(&self) -> PathBuf {
        cache_of(&self.control)
    }

    /// Path of its control socket.
    pub fn control(&self) -> &Path {
        &self.control
    }
}

fn cache_of(control: &Path) -> PathBuf {
    control.with_extension("cache")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts what prints `message` and ends with `code` in the agent's place.
    fn start(message: &str, code: i32) -> Result<Start> {
        let scratch = Scratch::new("agent")?;
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"echo "$MESSAGE"; exit "$CODE""#])
            .env("MESSAGE", message)
            .env("CODE", code.to_string());
        let control = scratch.path().join("control.sock");
        Agent::start_at(command, Path::new("sh"), &control, port::free()?, &[])
    }

    #[test]
    fn what_the_machine_lacks_is_an_obstacle() {
        let message = "wrongway: this process has no CAP_BPF: run wrongway as root";
        let start = start(message, UNSUPPORTED).expect("no failure");
        assert!(
            matches!(&start, Start::Unsupported(reason) if reason == message),
            "{start:?}"
        );
    }

    #[test]
    fn a_refused_program_is_a_failure_that_names_it() {
        let message = "wrongway: the kernel refused program call_entry: R1 invalid mem access 'scalar'";
        let error = format!("{:#}", start(message, 70).expect_err("a failure"));
        assert!(error.contains(message), "{error}");
    }
}
