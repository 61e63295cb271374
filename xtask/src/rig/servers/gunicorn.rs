//! gunicorn with threads, which read with `SSL_read_ex` alone. One certificate for every name.

use anyhow::Result;

use super::{Server, Site, application, free_port};

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    let port = free_port()?;
    let mut command = application::command(site, "gunicorn")?;
    command
        .args(["application:wsgi", "--worker-class", "gthread", "--threads", "8"])
        .args([
            "--http-protocols",
            "h2,h1",
            "--keep-alive",
            "60",
            "--graceful-timeout",
            "1",
        ])
        // It would lie in the home directory.
        .arg("--no-control-socket")
        .args(["--bind", &format!("127.0.0.1:{port}")])
        .arg("--certfile")
        .arg(&site.first.certificate)
        .arg("--keyfile")
        .arg(&site.first.key);
    site.run(&mut command, port).map(Server::with_one_certificate)
}
