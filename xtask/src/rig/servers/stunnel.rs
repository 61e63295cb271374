//! stunnel before a plain server: it knows nothing of HTTP.

use std::fs;
use std::process::Command;

use anyhow::Result;

use super::plain::Plain;
use super::{Server, Site, free_port};

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    let port = free_port()?;
    let backend = Plain::start()?;
    let configuration = site.directory()?.join("stunnel.conf");
    fs::write(
        &configuration,
        format!(
            "foreground = yes
pid =
syslog = no
[first]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{backend}
cert = {first}
key = {first_key}
[second]
sni = first:*.b.{domain}
connect = 127.0.0.1:{backend}
cert = {second}
key = {second_key}
",
            backend = backend.port(),
            domain = site.domain,
            first = site.first.certificate.display(),
            first_key = site.first.key.display(),
            second = site.second.certificate.display(),
            second_key = site.second.key.display(),
        ),
    )?;
    let mut command = Command::new("/usr/bin/stunnel4");
    command.arg(&configuration);
    site.run(&mut command, port).map(|server| server.before(backend))
}
