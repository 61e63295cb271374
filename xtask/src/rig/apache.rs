//! Apache as it comes from the distribution: it answers 421 when the virtual host of the Host differs in its
//! TLS settings from the one of the connection.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
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
        let port = port::free()?;
        let root = scratch.directory(&format!("apache-{port}"))?;
        let documents = scratch.directory(&format!("apache-{port}/documents"))?;
        std::fs::write(documents.join("index.html"), "ok\n")?;
        let configuration = root.join("apache.conf");
        std::fs::write(&configuration, configure(&root, port, sites))?;
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
        Ok(Self { process, port })
    }
}

fn configure(root: &Path, port: u16, sites: &[Site<'_>]) -> String {
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
"
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
