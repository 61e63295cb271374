//! curl: one process, one request after the other, connections kept alive and used again by server name.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

pub use super::Version;
use super::program::Job;
use super::{Visit, host};
use crate::rig::dial::Dial;
use crate::rig::family::executable_named;
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

/// Begins the line that curl writes after each transfer, among many others.
const MARK: &str = "transfer: ";
/// What curl says when it sent a request on a connection that the server had closed, and sends it again on
/// another.
const RETRY: &str = "Connection died, retrying";

/// What curl writes after each transfer.
#[derive(Debug, Deserialize)]
struct Transfer {
    method: String,
    http_version: String,
    status: u16,
    local: String,
    peer: String,
    /// Whether it was sent on an older connection before.
    #[serde(skip)]
    retried: bool,
}

/// Makes the requests against a port of 127.0.0.1, in order.
///
/// # Errors
///
/// When curl fails or leaves a request out.
pub fn visit(scratch: &Scratch, port: u16, version: Version, visits: &[Visit]) -> Result<Vec<Truth>> {
    visit_with(&mut Command::new("curl"), scratch, port, version, visits)
}

/// Makes each connection with a process of its own.
pub(super) fn dial(job: &Job<'_>) -> Result<Vec<Truth>> {
    let exe = executable_named("curl")?.display().to_string();
    let mut truths = Vec::new();
    for dial in job.dials {
        let mut command = Command::new("curl");
        command.arg("--no-sessionid");
        truths.extend(visit_with(
            &mut command,
            job.scratch,
            job.port,
            job.version,
            &visits(dial),
        )?);
    }
    for truth in &mut truths {
        truth.exe = Some(exe.clone());
    }
    Ok(truths)
}

fn visits(dial: &Dial) -> Vec<Visit> {
    dial.requests
        .iter()
        .map(|request| Visit {
            method: request.method,
            ..Visit::new(dial.sni.as_deref(), &request.authority, request.path)
        })
        .collect()
}

/// As [`visit`], where `command` leads to curl: it executes curl in its own place with the arguments that
/// are appended to it.
///
/// # Errors
///
/// As [`visit`].
pub fn visit_with(
    command: &mut Command,
    scratch: &Scratch,
    port: u16,
    version: Version,
    visits: &[Visit],
) -> Result<Vec<Truth>> {
    let configuration = scratch.write("curl.conf", configure(port, version, visits))?;
    let child = command
        .args(["--silent", "--show-error", "--verbose", "--config"])
        .arg(&configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start curl")?;
    let pid = child.id();
    let output = child.wait_with_output().context("cannot wait for curl")?;
    let printed = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "curl failed: {}: {}",
        output.status,
        printed.lines().last().unwrap_or_default()
    );
    let transfers = transfers(&printed)?;
    ensure!(
        transfers.len() == visits.len(),
        "curl made {} requests of {}",
        transfers.len(),
        visits.len()
    );
    Ok(truths(pid, visits, transfers))
}

/// Finds the transfers among what curl tells of its doings.
fn transfers(printed: &str) -> Result<Vec<Transfer>> {
    let mut transfers = Vec::new();
    let mut retried = false;
    for line in printed.lines() {
        if line.contains(RETRY) {
            retried = true;
        } else if let Some(json) = line.strip_prefix(MARK) {
            let mut transfer: Transfer =
                serde_json::from_str(json).with_context(|| format!("curl printed {line}"))?;
            transfer.retried = std::mem::take(&mut retried);
            transfers.push(transfer);
        }
    }
    Ok(transfers)
}

fn configure(port: u16, version: Version, visits: &[Visit]) -> String {
    let version = match version {
        Version::Http1 => "http1.1",
        Version::Http2 => "http2",
    };
    let mut text = String::new();
    for (index, visit) in visits.iter().enumerate() {
        if index > 0 {
            text.push_str("next\n");
        }
        let host = visit.sni.as_deref().unwrap_or("127.0.0.1");
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"url = "https://{host}:{port}{path}"
header = "Host: {authority}"
resolve = "{host}:{port}:127.0.0.1"
noproxy = "*"
insecure
max-time = 30
{version}
output = "/dev/null"
write-out = "%{{stderr}}{MARK}{{\"method\":\"%{{method}}\",\"http_version\":\"%{{http_version}}\",\"status\":%{{response_code}},\"local\":\"%{{local_ip}}:%{{local_port}}\",\"peer\":\"%{{remote_ip}}:%{{remote_port}}\"}}\n"
"#,
            path = visit.path,
            authority = visit.authority,
        );
        match visit.method {
            "GET" => {}
            // Told otherwise, curl would wait for a body.
            "HEAD" => text.push_str("head\n"),
            // Writing to a string cannot fail.
            other => drop(writeln!(text, "request = \"{other}\"")),
        }
        if visit.last {
            text.push_str("header = \"Connection: close\"\n");
        }
    }
    text
}

fn truths(pid: u32, visits: &[Visit], transfers: Vec<Transfer>) -> Vec<Truth> {
    let mut requests: HashMap<String, u64> = HashMap::new();
    let mut connections: HashMap<&Option<String>, String> = HashMap::new();
    let mut truths = Vec::new();
    for (visit, transfer) in visits.iter().zip(transfers) {
        let mut truth = |local: &str, status| {
            let number = requests.entry(local.to_owned()).or_default();
            *number += 1;
            truths.push(Truth {
                client: "curl".to_owned(),
                pid,
                exe: None,
                protocol: protocol(&transfer.http_version),
                sni: visit.sni.clone(),
                authority: host(&visit.authority),
                method: transfer.method.clone(),
                status,
                local: Some(local.to_owned()),
                peer: transfer.peer.clone(),
                request_number: *number,
                abandoned: status.is_none(),
                verdict: None,
                certificate: None,
            });
        };
        if transfer.retried
            && let Some(dead) = connections.get(&visit.sni)
        {
            truth(dead, None);
        }
        truth(&transfer.local, Some(transfer.status));
        connections.insert(&visit.sni, transfer.local);
    }
    truths
}

fn protocol(version: &str) -> String {
    match version {
        "2" => "h2".to_owned(),
        other => format!("http/{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = r#"* Connected to a.example (127.0.0.1) port 8443 (#0)
> GET / HTTP/1.1
transfer: {"method":"GET","http_version":"1.1","status":421,"local":"127.0.0.1:1","peer":"127.0.0.1:8443"}
* Connection died, retrying a fresh connect (retry count: 1)
transfer: {"method":"GET","http_version":"1.1","status":200,"local":"127.0.0.1:2","peer":"127.0.0.1:8443"}
transfer: {"method":"GET","http_version":"1.1","status":200,"local":"127.0.0.1:2","peer":"127.0.0.1:8443"}
"#;

    #[test]
    fn requests_are_counted_by_connection() {
        let visits = ["b.example", "a.example:8443", "a.example"]
            .map(|authority| Visit::new(Some("a.example"), authority, "/"));
        let truths = truths(7, &visits, transfers(PRINTED).unwrap());
        let places: Vec<_> = truths
            .iter()
            .map(|truth| (truth.local.as_deref(), truth.request_number, truth.abandoned))
            .collect();
        let expected = [
            (Some("127.0.0.1:1"), 1, false),
            (Some("127.0.0.1:1"), 2, true),
            (Some("127.0.0.1:2"), 1, false),
            (Some("127.0.0.1:2"), 2, false),
        ];
        assert_eq!(places, expected);
        assert_eq!(
            (truths[1].authority.as_str(), truths[1].status),
            ("a.example", None)
        );
        assert_eq!(truths[2].protocol, "http/1.1");
    }
}
