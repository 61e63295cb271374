//! An observed process.

use serde::{Deserialize, Serialize};

/// An observed process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// In the initial PID namespace; 0, which is `null` in JSON, if it is not known.
    #[serde(with = "pid")]
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

/// Process 0 is the kernel's idle task: it stands for none.
mod pid {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(pid: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        (*pid != 0).then_some(*pid).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or(0))
    }
}
