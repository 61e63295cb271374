//! nghttp: HTTP/2 alone. It sends the authority as server name, too, and does not tell its port.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use super::host;
use super::program::{Job, PATIENCE};
use crate::rig::dial::Dial;
use crate::rig::family::executable_named;
use crate::rig::truth::Truth;

/// What it can do: its own name, or an address without a server name.
pub(super) fn can(dial: &Dial) -> bool {
    let Some(authority) = dial.only_authority() else {
        return false;
    };
    match &dial.sni {
        Some(sni) => sni == authority,
        None => authority.parse::<std::net::Ipv4Addr>().is_ok(),
    }
}

/// Makes each connection with a process of its own.
pub(super) fn dial(job: &Job<'_>) -> Result<Vec<Truth>> {
    let exe = executable_named("nghttp")?.display().to_string();
    let mut truths = Vec::new();
    for dial in job.dials {
        truths.extend(one(job, dial, &exe)?);
    }
    Ok(truths)
}

fn one(job: &Job<'_>, dial: &Dial, exe: &str) -> Result<Vec<Truth>> {
    let Some(first) = dial.requests.first() else {
        return Ok(Vec::new());
    };
    let mut command = Command::new(exe);
    command
        .args(["--verbose", "--null-out", "--no-verify-peer"])
        .args(["--timeout", &PATIENCE.as_secs().to_string()])
        .args(["--header", &format!(":authority: {}", first.authority)])
        .args(["--header", &format!(":method: {}", first.method)]);
    for request in &dial.requests {
        command.arg(format!("https://127.0.0.1:{}{}", job.port, request.path));
    }
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start nghttp")?;
    let pid = child.id();
    let output = child.wait_with_output().context("cannot wait for nghttp")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("nghttp failed: {}\n{printed}", output.status);
    }
    let statuses = statuses(&printed);
    ensure!(
        statuses.len() == dial.requests.len(),
        "nghttp has {} answers to {} requests\n{printed}",
        statuses.len(),
        dial.requests.len()
    );
    Ok((1..)
        .zip(&dial.requests)
        .zip(statuses)
        .map(|((request_number, request), status)| Truth {
            client: "nghttp".to_owned(),
            pid,
            exe: Some(exe.to_owned()),
            protocol: "h2".to_owned(),
            sni: dial.sni.clone(),
            authority: host(&request.authority),
            method: first.method.to_owned(),
            status: Some(status),
            local: None,
            peer: format!("127.0.0.1:{}", job.port),
            request_number,
            abandoned: false,
            verdict: None,
            certificate: None,
        })
        .collect())
}

/// The statuses in the order of their streams, which is the order of the requests. A line of what nghttp
/// prints: `[  0.389] recv (stream_id=13) :status: 200`, with colours between on a terminal.
fn statuses(printed: &str) -> Vec<u16> {
    let statuses: BTreeMap<u32, u16> = printed.lines().filter_map(status).collect();
    statuses.into_values().collect()
}

fn status(line: &str) -> Option<(u32, u16)> {
    let (stream, status) = line.split_once("recv (stream_id=")?.1.split_once(") :status: ")?;
    Some((stream.parse().ok()?, status.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_in_the_order_of_streams() {
        let printed = "[  0.389] recv (stream_id=15) :status: 404\n\
                       [  0.389] recv (stream_id=15) content-length: 2\n\
                       [  0.390] recv (stream_id=13) :status: 200\n";
        assert_eq!(statuses(printed), [200, 404]);
    }
}
