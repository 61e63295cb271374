//! nghttpx before a plain server.

use std::process::Command;

use anyhow::Result;

use super::plain::Plain;
use super::{Server, Site, free_port};

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    let port = free_port()?;
    let backend = Plain::start()?;
    let mut command = Command::new("nghttpx");
    command
        .args([
            "--conf=/dev/null",
            "--no-ocsp",
            "--workers=1",
            "--errorlog-file=/dev/stderr",
        ])
        .arg(format!("--frontend=127.0.0.1,{port}"))
        .arg(format!("--backend=127.0.0.1,{}", backend.port()))
        .arg(format!(
            "--subcert={}:{}",
            site.second.key.display(),
            site.second.certificate.display()
        ))
        .arg(&site.first.key)
        .arg(&site.first.certificate);
    site.run(&mut command, port).map(|server| server.before(backend))
}
