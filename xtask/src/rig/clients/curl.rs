//! curl: one process, one request after the other, connections kept alive and used again by server name.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::{Visit, host};
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

/// The HTTP version to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1
    Http1,
    /// HTTP/2, agreed on by ALPN
    Http2,
}

/// What curl writes after each transfer.
#[derive(Debug, Deserialize)]
struct Transfer {
    method: String,
    http_version: String,
    status: u16,
    local: String,
    peer: String,
}

/// Makes the requests against a port of 127.0.0.1, in order.
///
/// # Errors
///
/// When curl fails or leaves a request out.
pub fn visit(scratch: &Scratch, port: u16, version: Version, visits: &[Visit]) -> Result<Vec<Truth>> {
    visit_with(&mut Command::new("curl"), scratch, port, version, visits)
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
        .args(["--silent", "--show-error", "--config"])
        .arg(&configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start curl")?;
    let pid = child.id();
    let output = child.wait_with_output().context("cannot wait for curl")?;
    ensure!(
        output.status.success(),
        "curl failed: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    let transfers = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("curl printed {line}")))
        .collect::<Result<Vec<Transfer>>>()?;
    ensure!(
        transfers.len() == visits.len(),
        "curl made {} requests of {}",
        transfers.len(),
        visits.len()
    );
    Ok(truths(pid, visits, transfers))
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
write-out = "{{\"method\":\"%{{method}}\",\"http_version\":\"%{{http_version}}\",\"status\":%{{response_code}},\"local\":\"%{{local_ip}}:%{{local_port}}\",\"peer\":\"%{{remote_ip}}:%{{remote_port}}\"}}\n"
"#,
            path = visit.path,
            authority = visit.authority,
        );
        if visit.last {
            text.push_str("header = \"Connection: close\"\n");
        }
    }
    text
}

fn truths(pid: u32, visits: &[Visit], transfers: Vec<Transfer>) -> Vec<Truth> {
    let mut requests: HashMap<String, u64> = HashMap::new();
    visits
        .iter()
        .zip(transfers)
        .map(|(visit, transfer)| {
            let number = requests.entry(transfer.local.clone()).or_default();
            *number += 1;
            Truth {
                client: "curl".to_owned(),
                pid,
                protocol: protocol(&transfer.http_version),
                sni: visit.sni.clone(),
                authority: host(&visit.authority),
                method: transfer.method,
                status: Some(transfer.status),
                local: transfer.local,
                peer: transfer.peer,
                request_number: *number,
                verdict: None,
            }
        })
        .collect()
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

    #[test]
    fn requests_are_counted_by_connection() {
        let visits = ["a.example", "b.example:8443", "a.example"]
            .map(|authority| Visit::new(Some("a.example"), authority, "/"));
        let transfers = ["127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:2"]
            .map(|local| Transfer {
                method: "GET".to_owned(),
                http_version: "1.1".to_owned(),
                status: 200,
                local: local.to_owned(),
                peer: "127.0.0.1:8443".to_owned(),
            })
            .into();
        let truths = truths(7, &visits, transfers);
        let numbers: Vec<u64> = truths.iter().map(|truth| truth.request_number).collect();
        assert_eq!(numbers, [1, 2, 1]);
        assert_eq!(truths[1].authority, "b.example");
        assert_eq!(truths[1].protocol, "http/1.1");
    }
}
