//! Apache as it comes from the distribution: it answers 421 when the virtual host of the Host differs in its
//! TLS settings from the one of the connection.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::geteuid;

use super::certificate::Certificate;
use super::port;
use super::process::Running;
use super::scratch::Scratch;

const START: Duration = Duration::from_secs(10);
const MODULES: &str = "/usr/lib/apache2/modules";

/// Apache's answers, by path: `/` 200, anything else 404; 421 before that where the Host does not belong to
/// the connection.
#[derive(Debug)]
pub struct Apache {
    /// The program.
    pub process: Running,
    /// It listens on 127.0.0.1.
    pub port: u16,
    log: PathBuf,
}

/// What Apache wrote down of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Server name of the connection; `None`: none was sent.
    pub sni: Option<String>,
    /// `Host`, or `:authority`, as it came.
    pub host: String,
    /// Final status.
    pub status: u16,
}

/// A virtual host.
#[derive(Clone, Debug)]
pub struct Site<'a> {
    /// Name it answers to; `*.` at its start stands for any label.
    pub name: &'a str,
    /// Certificate that it presents.
    pub certificate: &'a Certificate,
    /// OpenSSL cipher list of its own: virtual hosts that differ here do not share connections, either.
    pub ciphers: Option<&'a str>,
}

impl Apache {
    /// Starts Apache with virtual hosts, the first being the default, and waits until it listens.
    ///
    /// # Errors
    ///
    /// When it cannot be started; the message has its log.
    pub fn start(scratch: &Scratch, sites: &[Site<'_>]) -> Result<Self> {
        Self::start_with(scratch, sites, &[])
    }

    /// As [`Apache::start`], with more lines for all virtual hosts.
    ///
    /// # Errors
    ///
    /// As [`Apache::start`].
    pub fn start_with(scratch: &Scratch, sites: &[Site<'_>], lines: &[String]) -> Result<Self> {
        let port = port::free()?;
        let root = scratch.directory(&format!("apache-{port}"))?;
        let documents = scratch.directory(&format!("apache-{port}/documents"))?;
        fs::write(documents.join("index.html"), "ok\n")?;
        let configuration = root.join("apache.conf");
        fs::write(&configuration, configure(&root, port, sites, lines))?;
        let mut command = Command::new("/usr/sbin/apache2");
        command
            .arg("-d")
            .arg(&root)
            .arg("-f")
            .arg(&configuration)
            .args(["-D", "FOREGROUND"]);
        let log = root.join("output.log");
        let mut process = Running::start("apache2", &mut command, &log)?;
        process.wait_for_port(port, START)?;
        Ok(Self {
            process,
            port,
            log: root.join("access.log"),
        })
    }

    /// What it wrote down of each request, in the order of the answers. That is a moment after the client has them.
    ///
    /// # Errors
    ///
    /// When its log cannot be read.
    pub fn answered(&self) -> Result<Vec<Answered>> {
        let log =
            fs::read_to_string(&self.log).with_context(|| format!("cannot read {}", self.log.display()))?;
        log.lines().map(answered).collect()
    }
}

fn answered(line: &str) -> Result<Answered> {
    let mut words = line.split(' ');
    let mut word = || words.next().with_context(|| format!("Apache wrote down: {line}"));
    let (sni, host, status) = (word()?, word()?, word()?);
    Ok(Answered {
        sni: (sni != "-").then(|| sni.to_owned()),
        host: host.to_owned(),
        status: status.parse().with_context(|| format!("no status: {line}"))?,
    })
}

fn configure(root: &Path, port: u16, sites: &[Site<'_>], lines: &[String]) -> String {
    let root = root.display();
    let user = if geteuid().is_root() {
        "User www-data\nGroup www-data\n"
    } else {
        ""
    };
    let mut text = format!(
        "ServerRoot {root}
ServerName localhost
DefaultRuntimeDir {root}
PidFile {root}/apache.pid
ErrorLog {root}/error.log
CustomLog {root}/access.log \"%{{SSL_TLS_SNI}}x %{{Host}}i %>s\"
LogLevel warn
{user}Listen 127.0.0.1:{port}
LoadModule mpm_event_module {MODULES}/mod_mpm_event.so
LoadModule authz_core_module {MODULES}/mod_authz_core.so
LoadModule dir_module {MODULES}/mod_dir.so
LoadModule socache_shmcb_module {MODULES}/mod_socache_shmcb.so
LoadModule ssl_module {MODULES}/mod_ssl.so
LoadModule http2_module {MODULES}/mod_http2.so
Protocols h2 http/1.1
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 30
DirectoryIndex index.html
DocumentRoot {root}/documents
<Directory {root}/documents>
  Require all granted
</Directory>
{lines}
",
        lines = lines.join("\n"),
    );
    for site in sites {
        let ciphers = site
            .ciphers
            .map(|list| format!("  SSLCipherSuite {list}\n"))
            .unwrap_or_default();
        let (name, alias) = match site.name.strip_prefix("*.") {
            Some(parent) => (parent, format!("  ServerAlias {}\n", site.name)),
            None => (site.name, String::new()),
        };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "<VirtualHost 127.0.0.1:{port}>
  ServerName {name}
{alias}  SSLEngine on
  SSLCertificateFile {certificate}
  SSLCertificateKeyFile {key}
{ciphers}</VirtualHost>
",
            certificate = site.certificate.certificate.display(),
            key = site.certificate.key.display(),
        );
    }
    text
}
