//! uvicorn: asyncio feeds OpenSSL from memory. One certificate for every name.

use anyhow::Result;

use super::{Server, Site, application, free_port};

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    let port = free_port()?;
    let mut command = application::command(site, "uvicorn")?;
    command
        .args(["application:asgi", "--lifespan", "off", "--host", "127.0.0.1"])
        .args(["--timeout-keep-alive", "60"])
        .args(["--port", &port.to_string()])
        .arg("--ssl-certfile")
        .arg(&site.first.certificate)
        .arg("--ssl-keyfile")
        .arg(&site.first.key);
    site.run(&mut command, port).map(Server::with_one_certificate)
}
