//! Load from h2load, pinned to a CPU of its own.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::rig::pinned;
use crate::rig::process::output_of;

/// A kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Workload {
    /// HTTP/1.1, connections kept alive, 100-octet answers.
    Http1,
    /// HTTP/2, ten streams at once on each connection, 100-octet answers.
    Http2,
    /// HTTP/1.1, connections kept alive, 100 kB answers.
    Large,
    /// HTTP/1.1, connections kept alive, 10 MB answers.
    Huge,
}

impl Workload {
    pub(super) const ALL: [Self; 4] = [Self::Http1, Self::Http2, Self::Large, Self::Huge];
    const CLIENTS: &str = "10";

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1 keep-alive",
            Self::Http2 => "HTTP/2, 10 streams",
            Self::Large => "HTTP/1.1, 100 kB",
            Self::Huge => "HTTP/1.1, 10 MB",
        }
    }

    /// Requests a second. Every request must be answered with 2xx. `library` is the directory of a TLS library that is
    /// not the server's.
    ///
    /// # Errors
    ///
    /// When h2load fails or a request does.
    pub(super) fn measure(self, port: u16, cpu: usize, seconds: u32, library: &Path) -> Result<f64> {
        let path = match self {
            Self::Http1 | Self::Http2 => "small",
            Self::Large => "large",
            Self::Huge => "huge",
        };
        let mut command = pinned::command("h2load", Some(cpu));
        command
            .env("LD_LIBRARY_PATH", library)
            .args(["--duration", &seconds.to_string(), "--warm-up-time", "1"])
            .args(["--clients", Self::CLIENTS]);
        match self {
            Self::Http2 => command.args(["--max-concurrent-streams", "10"]),
            Self::Http1 | Self::Large | Self::Huge => command.arg("--h1"),
        };
        let printed = output_of(command.arg(format!("https://127.0.0.1:{port}/{path}")))?;
        rate(&printed)
    }
}

/// Finds the rate in what h2load prints:
/// `finished in 3.00s, 41000.33 req/s, 9.70MB/s` and
/// `requests: 1 total, 1 started, 1 done, 1 succeeded, 0 failed, 0 errored, 0 timeout`.
fn rate(printed: &str) -> Result<f64> {
    let line = |start: &str| {
        printed
            .lines()
            .find(|line| line.starts_with(start))
            .with_context(|| format!("h2load printed no line `{start}`:\n{printed}"))
    };
    let requests = line("requests: ")?;
    ensure!(
        requests.contains(" 0 failed, 0 errored, 0 timeout"),
        "requests of h2load failed: {requests}"
    );
    let finished = line("finished in ")?;
    finished
        .split(", ")
        .find_map(|part| part.strip_suffix(" req/s")?.parse().ok())
        .with_context(|| format!("h2load printed no rate: {finished}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read() {
        let printed = "finished in 3.00s, 41000.33 req/s, 9.70MB/s\n\
                       requests: 5 total, 5 started, 5 done, 5 succeeded, 0 failed, 0 errored, 0 timeout\n";
        assert!((rate(printed).unwrap() - 41_000.33).abs() < 0.001);
    }

    #[test]
    fn failed_requests_are_no_rate() {
        let printed = "finished in 3.00s, 41000.33 req/s, 9.70MB/s\n\
                       requests: 5 total, 5 started, 5 done, 4 succeeded, 1 failed, 0 errored, 0 timeout\n";
        assert!(rate(printed).is_err());
    }
}
