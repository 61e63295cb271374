//! nginx as it comes from the distribution: it serves any Host on any connection. The silent case.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::certificate::Certificate;
use super::family::children_of;
use super::process::Running;
use super::scratch::Scratch;
use super::tls::Tls;
use super::{pinned, port};

const START: Duration = Duration::from_secs(10);
/// Size of `/large`.
pub const LARGE: usize = 100_000;
/// Size of `/huge`.
pub const HUGE: usize = 10_000_000;
/// Size of `/small`.
pub const SMALL: usize = 100;

/// nginx's answers, by path: anything 200; `/missing` 404, `/empty` 204, `/forbidden` 403, `/small`,
/// `/large` and `/huge` files with an `ETag`, `/chunked` a body of unknown length.
#[derive(Debug)]
pub struct Nginx {
    /// The program.
    pub process: Running,
    /// It listens on 127.0.0.1.
    pub port: u16,
}

/// How nginx shall run.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// One virtual host for each, the first being the default; one in plain text where there are none.
    pub certificates: &'a [Certificate],
    /// Processes that serve.
    pub workers: usize,
    /// Plain-text server behind `/upgrade`, for protocol upgrades.
    pub upgrade_to: Option<u16>,
    /// CPU to pin it to.
    pub cpu: Option<usize>,
    /// Another nginx than the distribution's.
    pub program: Option<&'a Path>,
    /// Versions of TLS.
    pub tls: Tls,
}

impl<'a> Options<'a> {
    /// The distribution's nginx as it runs by itself, with two workers.
    pub fn new(certificates: &'a [Certificate]) -> Self {
        Self {
            certificates,
            workers: 2,
            upgrade_to: None,
            cpu: None,
            program: None,
            tls: Tls::Usual,
        }
    }
}

impl Nginx {
    /// Starts nginx and waits until it listens.
    ///
    /// # Errors
    ///
    /// When it cannot be started; the message has its log.
    pub fn start(scratch: &Scratch, options: Options<'_>) -> Result<Self> {
        let port = port::free()?;
        let prefix = scratch.directory(&format!("nginx-{port}"))?;
        std::fs::write(prefix.join("small"), vec![b's'; SMALL])?;
        std::fs::write(prefix.join("large"), vec![b'l'; LARGE])?;
        std::fs::write(prefix.join("huge"), vec![b'h'; HUGE])?;
        let configuration = prefix.join("nginx.conf");
        std::fs::write(&configuration, configure(&prefix, port, options))?;
        let program = options.program.map_or_else(program, Path::to_owned);
        let mut command = pinned::command(program, options.cpu);
        command
            .arg("-p")
            .arg(&prefix)
            .arg("-c")
            .arg(&configuration)
            .arg("-e")
            .arg(prefix.join("error.log"));
        let log = prefix.join("output.log");
        let mut process = Running::start("nginx", &mut command, &log)?;
        process.wait_for_port(port, START)?;
        Ok(Self { process, port })
    }

    /// Kills all of it at once. The master's death alone would leave its workers serving.
    ///
    /// # Errors
    ///
    /// When the master cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        let workers = children_of(self.process.pid());
        self.process.kill()?;
        for worker in workers.into_iter().filter_map(as_pid) {
            // It may have ended with its master.
            let _ = kill_process(worker, Signal::KILL);
        }
        Ok(())
    }
}

fn as_pid(number: u32) -> Option<Pid> {
    Pid::from_raw(number.try_into().ok()?)
}

/// Its place is not on an ordinary user's `PATH`.
pub(super) fn program() -> PathBuf {
    let system = PathBuf::from("/usr/sbin/nginx");
    if system.is_file() {
        system
    } else {
        PathBuf::from("nginx")
    }
}

fn configure(prefix: &Path, port: u16, options: Options<'_>) -> String {
    let prefix = prefix.display();
    let user = if geteuid().is_root() { "user www-data;" } else { "" };
    let mut text = format!(
        "daemon off;
{user}
worker_processes {workers};
pid {prefix}/nginx.pid;
error_log {prefix}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  default_type text/plain;
  keepalive_requests 1000000;
  http2_max_concurrent_streams 256;
  client_max_body_size 64m;
  client_body_temp_path {prefix}/body;
  proxy_temp_path {prefix}/proxy;
  fastcgi_temp_path {prefix}/fastcgi;
  uwsgi_temp_path {prefix}/uwsgi;
  scgi_temp_path {prefix}/scgi;
{protocols}",
        workers = options.workers,
        protocols = match options.tls {
            Tls::Usual => "",
            Tls::AtMost12 => "  ssl_protocols TLSv1.2;\n",
        },
    );
    if options.certificates.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "  server {{
    listen 127.0.0.1:{port};
    root {prefix};
    location / {{ }}
  }}
"
        );
    }
    for (index, certificate) in options.certificates.iter().enumerate() {
        let default = if index == 0 { " default_server" } else { "" };
        let upgrade = options.upgrade_to.map(upgrade_location).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "  server {{
    listen 127.0.0.1:{port} ssl http2{default};
    server_name {names};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    root {prefix};
    location = /missing {{ return 404; }}
    location = /forbidden {{ return 403; }}
    location = /empty {{ return 204; }}
    location = /small {{ }}
    location = /large {{ }}
    location = /huge {{ }}
    location = /chunked {{ gzip on; gzip_types *; gzip_min_length 1; try_files /large =404; }}
{upgrade}
    location / {{ return 200 \"ok\\n\"; }}
  }}
",
            names = certificate.names.join(" "),
            certificate = certificate.certificate.display(),
            key = certificate.key.display(),
        );
    }
    text.push_str("}\n");
    text
}

fn upgrade_location(port: u16) -> String {
    format!(
        "    location = /upgrade {{
      proxy_pass http://127.0.0.1:{port};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }}
    location /echo {{
      proxy_pass http://127.0.0.1:{port};
      proxy_http_version 1.1;
    }}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_certificates_it_speaks_plain_text() {
        let plain = configure(Path::new("/x"), 8080, Options::new(&[]));
        assert!(plain.contains("listen 127.0.0.1:8080;") && !plain.contains(" ssl"));
    }

    #[test]
    fn versions_of_tls_are_named_where_there_is_a_limit() {
        let told = |tls| {
            let options = Options {
                tls,
                ..Options::new(&[])
            };
            configure(Path::new("/x"), 8443, options).contains("ssl_protocols TLSv1.2;")
        };
        assert!(told(Tls::AtMost12) && !told(Tls::Usual));
    }
}
