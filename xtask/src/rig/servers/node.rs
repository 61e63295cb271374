//! Node's secure HTTP/2 server, which speaks HTTP/1.1 as well.

use anyhow::Result;
use serde_json::json;

use super::{Server, Site, free_port, measured};

const SCRIPT: &str = include_str!("node.mjs");

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    let port = free_port()?;
    let script = site.directory()?.join("server.mjs");
    std::fs::write(&script, SCRIPT)?;
    let options = json!({
        "port": port,
        "first": [site.first.certificate, site.first.key],
        "second": [site.second.certificate, site.second.key],
        "secondSuffix": format!(".b.{}", site.domain),
        "sizes": measured::sizes(),
    });
    let mut command = site.command("node");
    command.arg(&script).arg(options.to_string());
    site.run(&mut command, port)
}
