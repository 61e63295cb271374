//! What the agent says it can see of a process: the part of `wrongway inspect coverage --json` that tests wait
//! for.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::exchange::Process;

/// A TLS library in a process.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Coverage {
    /// The process.
    pub process: Process,
    /// `full`, `partial`, `sni_only` or `nothing`.
    pub visibility: String,
    /// Why not everything.
    pub reason: Option<String>,
}

impl Coverage {
    /// Reads what `wrongway inspect coverage --json` prints, and keeps what is about these processes.
    ///
    /// # Errors
    ///
    /// When a line is no such object.
    pub fn of(pids: &BTreeSet<u32>, printed: &str) -> Result<Vec<Self>> {
        let mut lines = Self::all(printed)?;
        lines.retain(|line| pids.contains(&line.process.pid));
        Ok(lines)
    }

    /// Reads all of it.
    ///
    /// # Errors
    ///
    /// As [`Coverage::of`].
    pub fn all(printed: &str) -> Result<Vec<Self>> {
        printed
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("no coverage: {line}")))
            .collect()
    }

    /// Whether requests and answers can be seen.
    pub fn shows_exchanges(&self) -> bool {
        matches!(self.visibility.as_str(), "full" | "partial")
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "process {}, {}: {}, {}",
            self.process.pid,
            self.process.library.as_deref().unwrap_or("no library"),
            self.visibility,
            self.reason.as_deref().unwrap_or("no reason")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = r#"{"process":{"pid":7,"exe":"/x","library":"/x"},"visibility":"nothing","reason":"in_shadow"}
{"process":{"pid":8,"exe":null,"library":"/y"},"visibility":"full","reason":null}
"#;

    #[test]
    fn other_processes_are_left_out() {
        let lines = Coverage::of(&[7, 9].into(), PRINTED).unwrap();
        let told: Vec<String> = lines.iter().map(Coverage::to_string).collect();
        assert_eq!(told, ["process 7, /x: nothing, in_shadow"]);
    }

    #[test]
    fn a_server_name_alone_shows_no_exchange() {
        let shows = |visibility: &str| {
            let line = Coverage {
                visibility: visibility.to_owned(),
                ..Coverage::default()
            };
            line.shows_exchanges()
        };
        assert_eq!(
            ["full", "partial", "sni_only", "nothing"].map(shows),
            [true, true, false, false]
        );
    }
}
