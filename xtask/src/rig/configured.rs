//! Programs with a configuration that a test writes, and may write anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Signal, geteuid};
use serde_json::Value;

use super::certificate::Certificate;
use super::family::children_of;
use super::process::Running;
use super::scratch::Scratch;
use super::{nginx, servers};

const START: Duration = Duration::from_secs(15);

/// nginx with one worker, which so has one pool of connections.
#[derive(Debug)]
pub struct Nginx {
    process: Running,
    directory: PathBuf,
}

impl Nginx {
    /// Starts it with what stands in `http { … }`, and waits until it listens on `port`.
    ///
    /// # Errors
    ///
    /// When it cannot be started; the message has its log.
    pub fn start(scratch: &Scratch, port: u16, http: &str) -> Result<Self> {
        let directory = scratch.directory(&format!("nginx-{port}"))?;
        let configuration = write_nginx(&directory, http)?;
        let mut command = Command::new(nginx::program());
        command
            .arg("-p")
            .arg(&directory)
            .arg("-c")
            .arg(&configuration)
            .arg("-e")
            .arg(directory.join("error.log"));
        let mut process = Running::start("nginx", &mut command, &directory.join("output.log"))?;
        process.wait_for_port(port, START)?;
        Ok(Self { process, directory })
    }

    /// Reloads it with another content of `http { … }`, and waits until no worker is left of before.
    ///
    /// # Errors
    ///
    /// When it does not take the configuration; the message has its log.
    pub fn reload(&mut self, http: &str) -> Result<()> {
        let pid = self.process.pid();
        let before = children_of(pid);
        write_nginx(&self.directory, http)?;
        self.process.signal(Signal::HUP)?;
        let replaced = || {
            let now = children_of(pid);
            !now.is_empty() && now.iter().all(|worker| !before.contains(worker))
        };
        let log = self.directory.join("error.log");
        self.process
            .wait_until(START, replaced)
            .with_context(|| fs::read_to_string(log).unwrap_or_default())
    }

    /// Requests so far that it sent to a server which closed or reset their connection instead of answering, as its log
    /// has them. Where that was one of a pool, nginx sends the request again.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub fn unanswered(&self) -> Result<usize> {
        let log = self.directory.join("error.log");
        let text = fs::read_to_string(&log).with_context(|| format!("cannot read {}", log.display()))?;
        Ok(unanswered_in(&text))
    }
}

fn unanswered_in(log: &str) -> usize {
    log.lines()
        .filter(|line| line.contains("while reading response header from upstream"))
        .filter(|line| !line.contains("timed out"))
        .count()
}

fn write_nginx(directory: &Path, http: &str) -> Result<PathBuf> {
    let user = if geteuid().is_root() { "user www-data;" } else { "" };
    let prefix = directory.display();
    let path = directory.join("nginx.conf");
    fs::write(
        &path,
        format!(
            "daemon off;
{user}
worker_processes 1;
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
{http}
}}
"
        ),
    )
    .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// `HAProxy`.
#[derive(Debug)]
pub struct Haproxy {
    process: Running,
    directory: PathBuf,
    port: u16,
}

impl Haproxy {
    /// Starts it with these sections beside `defaults`, and waits until it listens on `port`.
    ///
    /// # Errors
    ///
    /// When it cannot be started; the message has its log.
    pub fn start(scratch: &Scratch, port: u16, sections: &str) -> Result<Self> {
        let directory = scratch.directory(&format!("haproxy-{port}"))?;
        let process = start_haproxy(&directory, port, sections)?;
        Ok(Self {
            process,
            directory,
            port,
        })
    }

    /// Starts it anew with other sections.
    ///
    /// # Errors
    ///
    /// As [`Haproxy::start`].
    pub fn restart(&mut self, sections: &str) -> Result<()> {
        self.process.stop()?;
        self.process = start_haproxy(&self.directory, self.port, sections)?;
        Ok(())
    }
}

/// Certificate and key in one file, as `HAProxy` reads them.
///
/// # Errors
///
/// When it cannot be written.
pub fn bundle(scratch: &Scratch, label: &str, certificate: &Certificate) -> Result<PathBuf> {
    servers::bundle(scratch.path(), label, certificate)
}

fn start_haproxy(directory: &Path, port: u16, sections: &str) -> Result<Running> {
    let configuration = directory.join("haproxy.cfg");
    fs::write(
        &configuration,
        format!(
            "defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
{sections}
"
        ),
    )
    .with_context(|| format!("cannot write {}", configuration.display()))?;
    let mut command = Command::new("/usr/sbin/haproxy");
    command.arg("-db").arg("-f").arg(&configuration);
    let mut process = Running::start("haproxy", &mut command, &directory.join("output.log"))?;
    process.wait_for_port(port, START)?;
    Ok(process)
}

/// Starts Node with a script and its one argument, and waits until it listens on `port`.
///
/// # Errors
///
/// When it cannot be started; the message has its log.
pub fn node(scratch: &Scratch, port: u16, script: &str, options: &Value) -> Result<Running> {
    let path = scratch.write(&format!("node-{port}.mjs"), script)?;
    let mut command = Command::new("node");
    command.arg(&path).arg(options.to_string());
    let mut process = Running::start("node", &mut command, &path.with_extension("log"))?;
    process.wait_for_port(port, START)?;
    Ok(process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sent_and_cut_off_went_unanswered() {
        let log = "1 [error] 5#5: *1 upstream prematurely closed connection while reading response header from upstream, x\n\
                   2 [error] 5#5: *3 recv() failed (104: Connection reset by peer) while reading response header from upstream, x\n\
                   3 [error] 5#5: *5 upstream timed out (110: Connection timed out) while reading response header from upstream, x\n\
                   4 [error] 5#5: *7 connect() failed (111: Connection refused) while connecting to upstream, x\n";
        assert_eq!(unanswered_in(log), 2);
    }
}
