//! The Kubernetes manifests, as read.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::dockerfile::Dockerfile;
use super::{checks, directory};

/// Checks that the manifests give the agent what it needs, and agree with each other, with the Dockerfile and with
/// the version of the workspace.
///
/// # Errors
/// A file is missing or is no YAML; or the manifests are wrong: then the error lists everything that is.
pub(crate) fn test_manifests() -> Result<()> {
    let faults = checks::faults(&Manifests::load()?);
    ensure!(faults.is_empty(), "deploy/ is wrong:\n  {}", faults.join("\n  "));
    Ok(())
}

/// Everything in `deploy/` that describes how the agent runs.
pub(super) struct Manifests {
    /// The documents of `daemonset.yaml`.
    pub(super) objects: Vec<Value>,
    /// `podmonitor.yaml`.
    pub(super) pod_monitor: Value,
    /// `kustomization.yaml`.
    pub(super) kustomization: Value,
    /// `Dockerfile`.
    pub(super) dockerfile: Dockerfile,
}

impl Manifests {
    /// Reads them all.
    ///
    /// # Errors
    /// A file is missing, is no YAML, or lacks the `DaemonSet`.
    pub(super) fn load() -> Result<Self> {
        let manifests = Self {
            objects: documents("daemonset.yaml")?,
            pod_monitor: document("podmonitor.yaml")?,
            kustomization: document("kustomization.yaml")?,
            dockerfile: Dockerfile::parse(&text("Dockerfile")?)?,
        };
        if manifests.object("DaemonSet").is_null() {
            bail!("deploy/daemonset.yaml holds no DaemonSet");
        }
        Ok(manifests)
    }

    /// The object of this kind; null if there is none.
    pub(super) fn object(&self, kind: &str) -> &Value {
        self.objects
            .iter()
            .find(|object| object["kind"] == kind)
            .unwrap_or(&Value::Null)
    }

    /// What the `DaemonSet` starts on a node.
    pub(super) fn pod(&self) -> &Value {
        &self.object("DaemonSet")["spec"]["template"]
    }

    /// The agent's container.
    pub(super) fn container(&self) -> &Value {
        &self.pod()["spec"]["containers"][0]
    }

    /// The agent's arguments.
    pub(super) fn arguments(&self) -> Vec<&str> {
        strings(&self.container()["args"])
    }
}

/// The strings of a list; none if it is no list.
pub(super) fn strings(list: &Value) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn text(name: &str) -> Result<String> {
    let path = directory().join(name);
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn documents(name: &str) -> Result<Vec<Value>> {
    serde_saphyr::from_multiple(&text(name)?).with_context(|| format!("deploy/{name}"))
}

fn document(name: &str) -> Result<Value> {
    serde_saphyr::from_str(&text(name)?).with_context(|| format!("deploy/{name}"))
}
