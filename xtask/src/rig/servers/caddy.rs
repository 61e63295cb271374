//! Caddy: Go, with HTTP/3. It is no server of the matrix, as nothing inside it is observed.

use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::rig::certificate::Authority;
use crate::rig::port;
use crate::rig::process::Running;
use crate::rig::python::Python;
use crate::rig::scratch::Scratch;

/// Caddy on a port of 127.0.0.1, TCP and UDP.
#[derive(Debug)]
pub struct Caddy {
    /// The program.
    pub process: Running,
    /// Where it listens.
    pub port: u16,
    domain: String,
}

impl Caddy {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    ///
    /// When it cannot be started; the message has its log.
    pub fn start(scratch: &Scratch, python: &Python) -> Result<Self> {
        let port = port::free()?;
        let directory = scratch.directory("caddy")?;
        let domain = format!("caddy.p{}.example", std::process::id());
        let certificate =
            Authority::new()?.certify(scratch, "caddy", &[format!("*.{domain}").as_str()], false)?;
        let configuration = directory.join("Caddyfile");
        fs::write(
            &configuration,
            format!(
                "{{
	admin off
	auto_https off
	persist_config off
	skip_install_trust
	storage file_system {directory}
}}
https://*.{domain}:{port} {{
	bind 127.0.0.1
	tls {certificate} {key}
	respond ok
}}
",
                directory = directory.display(),
                certificate = certificate.certificate.display(),
                key = certificate.key.display(),
            ),
        )?;
        let mut command = Command::new(python.program("caddy"));
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(&configuration)
            // It keeps files below these otherwise.
            .env("HOME", &directory)
            .env("XDG_CONFIG_HOME", &directory)
            .env("XDG_DATA_HOME", &directory);
        let mut process = Running::start("caddy", &mut command, &directory.join("output.log"))?;
        process.wait_for_port(port, super::START)?;
        Ok(Self {
            process,
            port,
            domain,
        })
    }

    /// A name that it serves.
    pub fn name(&self, number: usize) -> String {
        format!("r{number}.{}", self.domain)
    }
}
