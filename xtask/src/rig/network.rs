//! Two network namespaces with a veth pair between them, as a node and a container have it.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::process::output_of;
use crate::interrupt::{self, Leftover, Registration};

/// Package that `ip` comes from.
pub const PACKAGE: &str = "iproute2";
/// The node's end of the pair.
pub const NODE: &str = "node0";
/// The container's end.
pub const CONTAINER: &str = "pod0";
/// Address of the node's end.
pub const NODE_ADDRESS: &str = "192.0.2.1";
/// Address of the container's end.
pub const CONTAINER_ADDRESS: &str = "192.0.2.2";

/// A network namespace. It goes when it is dropped, with what is in it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    _registration: Registration,
}

impl Namespace {
    /// Makes one, with its loopback interface up.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new() -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("wrongway-{}-{number}", process::id());
        let registration = interrupt::register(Leftover::Namespace(name.clone()));
        ip(&format!("netns add {name}"))?;
        let namespace = Self {
            name,
            _registration: registration,
        };
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Runs `ip` in it; the arguments are separated by spaces.
    ///
    /// # Errors
    ///
    /// When `ip` fails.
    pub fn ip(&self, arguments: &str) -> Result<()> {
        ip(&format!("-netns {} {arguments}", self.name))
    }

    /// A command that runs a program in it.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Takes the calling thread into it.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn enter(&self) -> Result<()> {
        let path = format!("/run/netns/{}", self.name);
        let file = File::open(&path).with_context(|| format!("cannot open {path}"))?;
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
            .with_context(|| format!("cannot enter {path}"))
    }

    /// Runs something in it, on a thread of its own.
    ///
    /// # Errors
    ///
    /// What it returns, or when the namespace cannot be entered.
    pub fn inside<T: Send>(&self, run: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                self.enter()?;
                run()
            });
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Interfaces in it go with it.
        drop(ip(&format!("netns delete {}", self.name)));
    }
}

/// A node and a container.
#[derive(Debug)]
pub struct Pair {
    /// Has [`NODE`].
    pub node: Namespace,
    /// Has [`CONTAINER`].
    pub container: Namespace,
}

impl Pair {
    /// Makes both, and the pair between them.
    ///
    /// # Errors
    ///
    /// When `ip` fails.
    pub fn new() -> Result<Self> {
        let pair = Self {
            node: Namespace::new()?,
            container: Namespace::new()?,
        };
        pair.connect(NODE, CONTAINER)?;
        pair.node
            .ip(&format!("address add {NODE_ADDRESS}/24 dev {NODE}"))?;
        pair.container
            .ip(&format!("address add {CONTAINER_ADDRESS}/24 dev {CONTAINER}"))?;
        Ok(pair)
    }

    /// Makes one more veth pair between them, both ends up.
    ///
    /// # Errors
    ///
    /// When `ip` fails.
    pub fn connect(&self, node: &str, container: &str) -> Result<()> {
        self.node.ip(&format!(
            "link add {node} type veth peer name {container} netns {}",
            self.container.name
        ))?;
        self.node.ip(&format!("link set {node} up"))?;
        self.container.ip(&format!("link set {container} up"))
    }
}

fn ip(arguments: &str) -> Result<()> {
    output_of(Command::new("ip").args(arguments.split(' '))).map(drop)
}
