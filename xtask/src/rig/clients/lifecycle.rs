//! Both ends of connections that begin, end and go on in unusual ways: a program in C, compiled here, that writes
//! down every request.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::rig::certificate::Certificate;
use crate::rig::process::output_of;
use crate::rig::scratch::Scratch;

const SOURCE: &str = include_str!("lifecycle.c");

/// The program.
#[derive(Debug)]
pub struct Lifecycle {
    program: PathBuf,
}

/// One request, as the program's client knows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Told {
    /// Which of the connections, from 0.
    pub connection: usize,
    /// Position of the request on its connection, from 1.
    pub number: u64,
    /// Whether it was early data that the server passed over.
    pub lost: bool,
    /// Whether the session was resumed.
    pub resumed: bool,
    /// Server name that was sent last; `None`: none was sent.
    pub sni: Option<String>,
    /// Host it asked for.
    pub authority: String,
    /// Common name of the server's certificate, as the client has it.
    pub certificate: String,
    /// The client's port on 127.0.0.1.
    pub client: u16,
    /// The server's.
    pub server: u16,
    /// Processes of the client and of the server.
    pub pids: [u32; 2],
}

impl Lifecycle {
    /// Compiles the program.
    ///
    /// # Errors
    ///
    /// When it does not compile.
    pub fn compile(scratch: &Scratch) -> Result<Self> {
        let source = scratch.write("lifecycle.c", SOURCE)?;
        let program = scratch.path().join("lifecycle");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-Wall", "-o"]).arg(&program).arg(&source);
        output_of(compiler.args(["-lssl", "-lcrypto"])).context("the program in C does not compile")?;
        Ok(Self { program })
    }

    /// Makes the connections, one after the other, each as its list of options says. The server presents the second
    /// certificate to who asks for a name that begins with `b.`, and the first to everybody else.
    ///
    /// # Errors
    ///
    /// When a connection or a request fails.
    pub fn run(&self, certificates: &[Certificate; 2], connections: &[String]) -> Result<Vec<Told>> {
        let mut command = Command::new(&self.program);
        for certificate in certificates {
            command.arg(&certificate.certificate).arg(&certificate.key);
        }
        let printed = output_of(command.args(connections))?;
        printed
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("the program printed {line}")))
            .collect()
    }
}
