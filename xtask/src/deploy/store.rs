//! A place for images and containers apart from the machine's own, and the tools that work in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::repository;

/// Images and containers under one directory: the machine's own are neither seen nor touched.
pub(super) struct Store {
    directory: PathBuf,
}

impl Store {
    /// An empty store, in place of what an interrupted run may have left.
    ///
    /// # Errors
    /// The directory cannot be cleared or made.
    pub(super) fn create() -> Result<Self> {
        let store = Self::open();
        store.clear()?;
        let directory = &store.directory;
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        std::fs::write(store.configuration(), CONFIGURATION)
            .with_context(|| format!("cannot write {}", store.configuration().display()))?;
        Ok(store)
    }

    /// The store as it is.
    pub(super) fn open() -> Self {
        Self {
            directory: repository().join("target/image-store"),
        }
    }

    /// Removes the store with everything in it.
    ///
    /// # Errors
    /// Something in it cannot be removed.
    pub(super) fn remove(self) -> Result<()> {
        self.clear()
    }

    /// `buildah`, working in this store.
    pub(super) fn buildah(&self) -> Command {
        let mut command = Command::new("timeout");
        command.args([LIMIT, "buildah"]).args(self.places());
        command
    }

    /// `podman`, working in this store.
    ///
    /// crun refuses a machine whose cgroup v2 hierarchy, mounted beside version 1, has controllers. There podman runs
    /// in a mount namespace of its own that does not show that hierarchy; everything else stays the host's.
    pub(super) fn podman(&self) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", LIMIT]);
        if Path::new(HYBRID_CGROUP).join("cgroup.controllers").exists() {
            let script = format!("umount {HYBRID_CGROUP} && exec podman \"$@\"");
            command.args(["unshare", "--mount", "--propagation=private", "sh", "-c", &script]);
        }
        command
            .arg("podman")
            .args(self.places())
            .arg("--tmpdir")
            .arg(self.directory.join("tmp"));
        command.env("CONTAINERS_CONF", self.configuration());
        command
    }

    fn places(&self) -> [PathBuf; 6] {
        let [root, run] = ["root", "run"].map(|name| self.directory.join(name));
        // vfs works on every file system and needs no mount.
        [
            "--root".into(),
            root,
            "--runroot".into(),
            run,
            "--storage-driver".into(),
            "vfs".into(),
        ]
    }

    fn configuration(&self) -> PathBuf {
        self.directory.join("containers.conf")
    }

    fn clear(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.directory.display()))
            }
            _ => Ok(()),
        }
    }
}

/// Where systemd and others mount cgroup v2 beside version 1.
const HYBRID_CGROUP: &str = "/sys/fs/cgroup/unified";

/// No call takes longer than this, in seconds.
const LIMIT: &str = "120";

/// Settings that let podman run with no systemd and with no right to raise a limit: its defaults ask systemd for
/// cgroups and set a million open files. Locks are files of the store, not shared memory of the machine.
const CONFIGURATION: &str = r#"[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
ipcns = "host"

[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
"#;
