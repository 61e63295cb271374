//! A proxy that is asked over TLS to tunnel, so that TLS carries TLS.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::certificate::Certificate;
use super::port;
use super::process::Running;
use super::scratch::Scratch;

const START: Duration = Duration::from_secs(10);
const SCRIPT: &str = include_str!("tunnel.py");

/// The proxy. It ends when dropped.
#[derive(Debug)]
pub struct Tunnel {
    /// It listens on 127.0.0.1.
    pub port: u16,
    _process: Running,
}

impl Tunnel {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    ///
    /// When it cannot be started; the message has its log.
    pub fn start(scratch: &Scratch, certificate: &Certificate) -> Result<Self> {
        let port = port::free()?;
        let script = scratch.write("tunnel.py", SCRIPT)?;
        let mut command = Command::new("python3");
        command
            .arg(script)
            .arg(port.to_string())
            .arg(&certificate.certificate)
            .arg(&certificate.key);
        let mut process = Running::start("the tunnel", &mut command, &scratch.path().join("tunnel.log"))?;
        process.wait_for_port(port, START)?;
        Ok(Self {
            port,
            _process: process,
        })
    }
}
