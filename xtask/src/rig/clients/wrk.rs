//! wrk: HTTP/1.1 alone. It resolves the name it dials, always sends it, and does not tell its port.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::host;
use super::program::{Job, PATIENCE};
use crate::rig::dial::{Dial, Request};
use crate::rig::family::executable_named;
use crate::rig::truth::Truth;

const SCRIPT: &str = include_str!("wrk.lua");
/// Gives wrk a file of names that only it sees, then becomes wrk.
const SHELL: &str = r#"mount --bind "$0" /etc/hosts && exec wrk "$@""#;

/// It cannot leave the server name out, and takes the answer to a HEAD for one with a body.
pub(super) fn can(dial: &Dial) -> bool {
    dial.sni.is_some()
}

/// Makes each connection with a process of its own.
pub(super) fn dial(job: &Job<'_>) -> Result<Vec<Truth>> {
    let exe = executable_named("wrk")?.display().to_string();
    let mut truths = Vec::new();
    for dial in job.dials {
        if let Some(sni) = &dial.sni {
            truths.extend(one(job, dial, sni, &exe)?);
        }
    }
    Ok(truths)
}

fn one(job: &Job<'_>, dial: &Dial, sni: &str, exe: &str) -> Result<Vec<Truth>> {
    let script = job.scratch.write("wrk.lua", SCRIPT)?;
    let hosts = job.scratch.write("wrk.hosts", format!("127.0.0.1 {sni}\n"))?;
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--mount", "sh", "-c", SHELL])
        .arg(&hosts)
        .args(["--threads", "1", "--connections", "1", "--script"])
        .arg(&script)
        .args(["--duration", &PATIENCE.as_secs().to_string()])
        .arg(format!("https://{sni}:{}/", job.port))
        .arg("--");
    for request in &dial.requests {
        command.args([method(request), &request.authority, request.path]);
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start wrk")?;
    let pid = child.id();
    let mut lines = BufReader::new(child.stdout.take().context("wrk has no output")?).lines();
    let mut statuses: Vec<u16> = Vec::new();
    while statuses.len() < dial.requests.len()
        && let Some(line) = lines.next()
    {
        statuses.extend(
            line?
                .strip_prefix("status ")
                .and_then(|status| status.parse::<u16>().ok()),
        );
    }
    // It would wait for the end of the duration.
    kill_process(Pid::from_child(&child), Signal::INT).context("cannot interrupt wrk")?;
    let rest = lines.map_while(Result::ok).collect::<Vec<_>>().join("\n");
    child.wait().context("cannot wait for wrk")?;
    ensure!(
        statuses.len() == dial.requests.len() && !rest.contains("Socket errors"),
        "wrk has {} answers to {} requests\n{rest}",
        statuses.len(),
        dial.requests.len()
    );
    Ok((1..)
        .zip(&dial.requests)
        .zip(statuses)
        .map(|((request_number, request), status)| Truth {
            client: "wrk".to_owned(),
            pid,
            exe: Some(exe.to_owned()),
            protocol: "http/1.1".to_owned(),
            sni: Some(sni.to_owned()),
            authority: host(&request.authority),
            method: method(request).to_owned(),
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

fn method(request: &Request) -> &'static str {
    match request.method {
        "HEAD" => "GET",
        other => other,
    }
}
