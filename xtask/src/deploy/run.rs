//! Running the container image once, as the `DaemonSet` would.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::manifests::Manifests;
use super::store::Store;
use super::tool;

/// Runs the image that [`build_image`](super::build_image) made: `wrongway --version`, then the agent with the
/// privileges, file systems and arguments of the `DaemonSet`, until it answers on `/healthz`; asks it over the control
/// socket as `kubectl exec` would; stops it, and expects it to end with 0. Removes the image store.
///
/// # Errors
/// `podman` is missing or cannot run containers here, or the agent does not do what is expected of it: the error
/// carries what podman and the agent printed.
pub(crate) fn run_image_once(tag: &str) -> Result<()> {
    let store = Store::open();
    let result = version(&store, tag).and_then(|()| agent(&store, tag));
    // What the run found matters more than whether its traces could be removed.
    let removed = store.remove();
    result.and(removed)
}

/// Name of the container that runs the agent.
const NAME: &str = "wrongway-test";

/// How long the agent may take to answer, and to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// `podman run` flags that stand for the `DaemonSet`'s pod: privileged, the host's processes and network, and nothing
/// writable but the control socket's directory.
const AS_IN_POD: [&str; 8] = [
    "run",
    "--rm",
    "--pull=never",
    "--privileged",
    "--pid=host",
    "--network=host",
    "--read-only",
    "--read-only-tmpfs=false",
];

fn version(store: &Store, tag: &str) -> Result<()> {
    let printed = tool::output(store.podman().args(AS_IN_POD).args([tag, "--version"]))?;
    let expected = format!("wrongway {}", env!("CARGO_PKG_VERSION"));
    ensure!(
        printed.trim().starts_with(&expected),
        "--version printed {printed:?}, not {expected:?}"
    );
    Ok(())
}

fn agent(store: &Store, tag: &str) -> Result<()> {
    let control = tempfile::tempdir().context("cannot create the control directory")?;
    let address = free_address()?;
    let mut agent = Agent::start(store, tag, control.path(), address)?;
    agent.wait_until_healthy(address)?;
    let exec = ["exec", NAME, "/wrongway", "inspect", "summary", "--json"];
    tool::output(store.podman().args(exec))?;
    agent.stop()
}

/// The agent in its container.
struct Agent<'store> {
    store: &'store Store,
    podman: Child,
}

impl<'store> Agent<'store> {
    fn start(store: &'store Store, tag: &str, control: &Path, address: SocketAddr) -> Result<Self> {
        let manifests = Manifests::load()?;
        let arguments = manifests.arguments().into_iter().map(|argument| {
            if argument.starts_with("--listen=") {
                format!("--listen={address}")
            } else {
                argument.to_owned()
            }
        });
        let volume = format!("--volume={}:/run/wrongway", control.display());
        let podman = store
            .podman()
            .args(AS_IN_POD)
            .args(["--name", NAME, &volume, tag])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start podman")?;
        Ok(Self { store, podman })
    }

    fn wait_until_healthy(&mut self, address: SocketAddr) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = healthz(address);
            if status
                .as_deref()
                .is_ok_and(|status| status.starts_with("HTTP/1.1 200"))
            {
                return Ok(());
            }
            if self.podman.try_wait()?.is_some() {
                bail!("the container ended before it was healthy\n{}", self.printed());
            }
            if Instant::now() > deadline {
                // The pipes end only with the container, so it goes before they are read.
                self.remove();
                bail!(
                    "the agent was not healthy after {PATIENCE:?}: {status:?}\n{}",
                    self.printed()
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// SIGTERM, as the kubelet would send it.
    fn stop(mut self) -> Result<()> {
        tool::output(
            self.store
                .podman()
                .args(["stop", "--time", &PATIENCE.as_secs().to_string(), NAME]),
        )?;
        let status = self.podman.wait()?;
        ensure!(
            status.success(),
            "the stopped agent ended with {status}\n{}",
            self.printed()
        );
        Ok(())
    }

    fn remove(&mut self) {
        // Nothing to remove where the container has ended: that is no fault.
        drop(tool::output(
            self.store
                .podman()
                .args(["rm", "--force", "--ignore", "--time=0", NAME]),
        ));
        drop(self.podman.wait());
    }

    /// What the agent and podman printed; to be called when they have ended.
    fn printed(&mut self) -> String {
        let mut bytes = Vec::new();
        for pipe in [
            self.podman
                .stdout
                .take()
                .map(|pipe| Box::new(pipe) as Box<dyn Read>),
            self.podman
                .stderr
                .take()
                .map(|pipe| Box::new(pipe) as Box<dyn Read>),
        ] {
            if let Some(mut pipe) = pipe
                && let Err(error) = pipe.read_to_end(&mut bytes)
            {
                bytes.extend_from_slice(format!("(output lost: {error})\n").as_bytes());
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        if !matches!(self.podman.try_wait(), Ok(Some(_))) {
            self.remove();
        }
    }
}

/// A loopback address with a port that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?;
    listener.local_addr().context("address of a listener")
}

/// Status line of `/healthz`.
fn healthz(address: SocketAddr) -> std::io::Result<String> {
    let patience = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    answer
        .lines()
        .next()
        .map(str::to_owned)
        .ok_or_else(|| ErrorKind::UnexpectedEof.into())
}
