//! Proxies that end TLS and begin it anew, with the server name that was asked for.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use rustix::process::geteuid;

use super::{Server, Site, free_port, haproxy};
use crate::rig::certificate::Authority;
use crate::rig::python::Python;
use crate::rig::scratch::Scratch;
use crate::rig::tls::Tls;

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// nginx with `proxy_ssl_server_name on`.
    Nginx,
    /// `HAProxy` with `sni req.hdr(host)`.
    Haproxy,
}

impl Proxy {
    /// The program's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }

    /// Starts it before the server, for the server's own names, and waits until it listens. Each request gets
    /// connections of its own, before the proxy and behind it.
    ///
    /// # Errors
    ///
    /// When it cannot be started; the message has its log.
    pub fn start(self, scratch: &Scratch, python: &Python, upstream: &Server) -> Result<Server> {
        let domain = upstream.domain.clone();
        let name = format!("*.a.{domain}");
        let certificate = Authority::new()?.certify(scratch, "proxy", &[&name], false)?;
        let site = Site {
            program: match self {
                Self::Nginx => "nginx-proxy",
                Self::Haproxy => "haproxy-proxy",
            },
            h2: false,
            stripped: false,
            tls: Tls::Usual,
            measured: None,
            scratch,
            python: Some(python),
            domain,
            first: certificate.clone(),
            second: certificate,
        };
        let started = match self {
            Self::Nginx => nginx(&site, upstream.port),
            Self::Haproxy => haproxy(&site, upstream.port),
        };
        started
            .map(Server::with_one_certificate)
            .with_context(|| format!("cannot start {}", site.program))
    }
}

fn nginx(site: &Site<'_>, upstream: u16) -> Result<Server> {
    let port = free_port()?;
    let directory = site.directory()?;
    let configuration = directory.join("nginx.conf");
    let prefix = directory.display();
    let user = if geteuid().is_root() { "user www-data;" } else { "" };
    fs::write(
        &configuration,
        format!(
            "daemon off;
{user}
worker_processes 2;
pid {prefix}/nginx.pid;
error_log {prefix}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {prefix}/body;
  proxy_temp_path {prefix}/proxy;
  fastcgi_temp_path {prefix}/fastcgi;
  uwsgi_temp_path {prefix}/uwsgi;
  scgi_temp_path {prefix}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    location / {{
      proxy_pass https://127.0.0.1:{upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_ssl_server_name on;
      proxy_ssl_name $host;
      proxy_ssl_session_reuse off;
    }}
  }}
}}
",
            certificate = site.first.certificate.display(),
            key = site.first.key.display(),
        ),
    )?;
    let mut command = Command::new(crate::rig::nginx::program());
    command
        .arg("-p")
        .arg(&directory)
        .arg("-c")
        .arg(&configuration)
        .arg("-e")
        .arg(directory.join("error.log"));
    site.run(&mut command, port)
}

fn haproxy(site: &Site<'_>, upstream: u16) -> Result<Server> {
    let port = free_port()?;
    let directory = site.directory()?;
    let bundle = haproxy::bundle(&directory, "proxy", &site.first)?;
    let configuration = directory.join("haproxy.cfg");
    fs::write(
        &configuration,
        format!(
            "defaults
  mode http
  option http-server-close
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend front
  bind 127.0.0.1:{port} ssl crt {bundle}
  default_backend back
backend back
  http-reuse never
  server upstream 127.0.0.1:{upstream} ssl verify none sni req.hdr(host) no-ssl-reuse
",
            bundle = bundle.display(),
        ),
    )?;
    let mut command = Command::new("/usr/sbin/haproxy");
    command.arg("-db").arg("-f").arg(&configuration);
    site.run(&mut command, port)
}
