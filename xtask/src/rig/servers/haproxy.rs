//! `HAProxy`, which answers by itself. It reads certificate and key from one file.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Server, Site, free_port};
use crate::rig::certificate::Certificate;

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    let port = free_port()?;
    let directory = site.directory()?;
    let first = bundle(&directory, "a", &site.first)?;
    let second = bundle(&directory, "b", &site.second)?;
    let configuration = directory.join("haproxy.cfg");
    fs::write(&configuration, configure(port, &[first, second]))?;
    let mut command = Command::new("/usr/sbin/haproxy");
    command.arg("-db").arg("-f").arg(&configuration);
    site.run(&mut command, port)
}

/// Writes certificate and key into one file.
pub(in crate::rig) fn bundle(directory: &Path, label: &str, certificate: &Certificate) -> Result<PathBuf> {
    let mut pem = fs::read_to_string(&certificate.certificate).context("cannot read a certificate")?;
    pem.push_str(&fs::read_to_string(&certificate.key).context("cannot read a key")?);
    let path = directory.join(format!("{label}.pem"));
    fs::write(&path, pem).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn configure(port: u16, bundles: &[PathBuf]) -> String {
    let mut text = format!(
        "defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend main
  http-request return status 404 content-type text/plain string none if {{ path /missing }}
  http-request return status 200 content-type text/plain string ok
  bind 127.0.0.1:{port} ssl alpn h2,http/1.1"
    );
    for bundle in bundles {
        // Writing to a string cannot fail.
        let _ = write!(text, " crt {}", bundle.display());
    }
    text.push('\n');
    text
}
