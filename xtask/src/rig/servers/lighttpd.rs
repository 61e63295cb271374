//! lighttpd with OpenSSL. It calls no handshake function and never asks for the server name.

use std::fs;
use std::process::Command;

use anyhow::Result;

use super::{Server, Site, free_port};

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    let port = free_port()?;
    let directory = site.directory()?;
    fs::write(directory.join("index.html"), "ok\n")?;
    let configuration = directory.join("lighttpd.conf");
    fs::write(
        &configuration,
        format!(
            r#"server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ("mod_openssl")
server.max-keep-alive-requests = 100000
index-file.names = ("index.html")
ssl.engine = "enable"
ssl.pemfile = "{first}"
ssl.privkey = "{first_key}"
$HTTP["host"] =~ "\.b\.{domain}$" {{
  ssl.pemfile = "{second}"
  ssl.privkey = "{second_key}"
}}
"#,
            root = directory.display(),
            first = site.first.certificate.display(),
            first_key = site.first.key.display(),
            second = site.second.certificate.display(),
            second_key = site.second.key.display(),
            domain = site.domain.replace('.', r"\."),
        ),
    )?;
    let mut command = Command::new("/usr/sbin/lighttpd");
    command.arg("-D").arg("-f").arg(&configuration);
    site.run(&mut command, port)
}
