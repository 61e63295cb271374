//! An observed process.

use serde::{Deserialize, Serialize};

/// An observed process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// In the initial PID namespace.
    pub pid: u32,
    /// Path of its executable, as the process sees it.
    pub exe: Option<String>,
    /// Path of the TLS library, or of the executable that contains it.
    pub library: Option<String>,
    /// Container identifier.
    pub container: Option<String>,
    /// Pod name.
    pub pod: Option<String>,
    /// Kubernetes namespace.
    pub namespace: Option<String>,
    /// Workload that owns the pod.
    pub workload: Option<String>,
}
