//! A client in C, compiled here, with habits that common clients lack: peeking, writes that are retried, and writes of
//! several records at once.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::rig::process::output_of;
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

const SOURCE: &str = include_str!("native.c");
/// Requests that the program makes.
const REQUESTS: u64 = 10;

/// What the client does beside reading and writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Looks at every answer with `SSL_peek` before it reads it.
    Peek,
    /// Writes so much into so small a socket that most calls of `SSL_write` must be made again.
    Retry,
    /// Writes with a cipher that encrypts several records at once.
    Blocks,
}

/// Makes ten requests for `authority` on one connection for `sni`.
///
/// # Errors
///
/// When the client cannot be compiled or its requests fail.
pub fn visit(scratch: &Scratch, port: u16, sni: &str, authority: &str, habit: Habit) -> Result<Vec<Truth>> {
    let source = scratch.write("native.c", SOURCE)?;
    let program = scratch.path().join("native");
    output_of(
        Command::new("cc")
            .args(["-O1", "-Wall", "-o"])
            .arg(&program)
            .arg(&source)
            .args(["-lssl", "-lcrypto"]),
    )
    .context("the client in C does not compile")?;
    let habit = match habit {
        Habit::Peek => "peek",
        Habit::Retry => "retry",
        Habit::Blocks => "blocks",
    };
    let child = Command::new(&program)
        .args([&port.to_string(), sni, authority, habit])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the client in C")?;
    let pid = child.id();
    let output = child
        .wait_with_output()
        .context("cannot wait for the client in C")?;
    ensure!(
        output.status.success(),
        "the client in C failed: {}",
        output.status
    );
    let printed = String::from_utf8_lossy(&output.stdout);
    let (local, peer) = printed
        .trim()
        .split_once(' ')
        .with_context(|| format!("the client in C printed {printed}"))?;
    let truth = |request_number| Truth {
        client: "native".to_owned(),
        pid,
        exe: None,
        protocol: "http/1.1".to_owned(),
        sni: Some(sni.to_owned()),
        authority: authority.to_owned(),
        method: "POST".to_owned(),
        status: Some(200),
        local: Some(local.to_owned()),
        peer: peer.to_owned(),
        request_number,
        abandoned: false,
        verdict: None,
        certificate: None,
    };
    Ok((1..=REQUESTS).map(truth).collect())
}
