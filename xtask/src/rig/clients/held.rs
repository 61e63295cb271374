//! A client that holds one connection open and makes requests when it is told to: before the agent runs, and after.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::json;

use crate::rig::process::Running;
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

/// How long the client may take to start, and a request to be answered.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which client, and what it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Python's `http.client`, HTTP/1.1: OpenSSL has its socket's descriptor.
    Python,
    /// Node's `https`, HTTP/1.1: OpenSSL is fed from memory.
    NodeHttp1,
    /// Node's `http2`.
    NodeHttp2,
}

/// One request to make.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Visit<'a> {
    /// Authority to ask for.
    pub authority: &'a str,
    /// Path to ask for.
    pub path: &'a str,
    /// Whether the authority stays out of HPACK's table.
    pub literal: bool,
}

/// A client with its connection. Dropping it ends both.
#[derive(Debug)]
pub struct Held {
    process: Running,
    control: BufReader<TcpStream>,
}

impl Held {
    /// Starts the client. It dials with its first request, or at once.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start(scratch: &Scratch, program: Program, port: u16, sni: &str) -> Result<Self> {
        Self::start_with(scratch, program, port, sni, None)
    }

    /// As [`Self::start`], on the libraries in this directory before those of the system.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start_with(
        scratch: &Scratch,
        program: Program,
        port: u16,
        sni: &str,
        libraries: Option<&Path>,
    ) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port to control a client")?;
        let number = listener.local_addr()?.port();
        let options = json!({
            "control": number,
            "port": port,
            "sni": sni,
            "protocol": if program == Program::NodeHttp2 { "h2" } else { "http/1.1" },
        });
        let (interpreter, name, script) = match program {
            Program::Python => ("python3", "held.py", include_str!("held.py")),
            Program::NodeHttp1 | Program::NodeHttp2 => ("node", "held.mjs", include_str!("held.mjs")),
        };
        let mut command = Command::new(interpreter);
        command.arg(scratch.write(name, script)?).arg(options.to_string());
        if let Some(libraries) = libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let log = scratch.path().join(format!("{interpreter}-{number}.log"));
        let mut process = Running::start(interpreter, &mut command, &log)?;
        listener.set_nonblocking(true)?;
        let mut accepted = None;
        process.wait_until(PATIENCE, || {
            accepted = listener.accept().ok();
            accepted.is_some()
        })?;
        let (control, _) = accepted.context("the client did not call back")?;
        control.set_nonblocking(false)?;
        control.set_read_timeout(Some(PATIENCE))?;
        // A request is told in two pieces, and the second would wait for the first to be acknowledged.
        control.set_nodelay(true)?;
        Ok(Self {
            process,
            control: BufReader::new(control),
        })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Makes these requests, all at once over HTTP/2 and one after the other over HTTP/1.1, and tells what came of
    /// them, in the order of their answers.
    ///
    /// # Errors
    ///
    /// When one is not answered.
    pub fn visit(&mut self, visits: &[Visit<'_>]) -> Result<Vec<Truth>> {
        let line = serde_json::to_string(visits).context("cannot write requests as JSON")?;
        writeln!(self.control.get_mut(), "{line}").context("the client does not listen")?;
        visits.iter().map(|_| self.answer()).collect()
    }

    fn answer(&mut self) -> Result<Truth> {
        let mut line = String::new();
        self.control
            .read_line(&mut line)
            .with_context(|| format!("no answer\n{}", self.process.log_text()))?;
        ensure!(!line.is_empty(), "the client ended\n{}", self.process.log_text());
        serde_json::from_str(&line).with_context(|| format!("the client answered {line}"))
    }
}
