//! `HAProxy`, which answers by itself, but for what is too large for that when it is measured. It reads certificate and key from one file.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::measured::{FETCHED, Measured, small};
use super::{Server, Site, free_port};
use crate::rig::certificate::Certificate;

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    let port = free_port()?;
    let directory = site.directory()?;
    let first = bundle(&directory, "a", &site.first)?;
    let second = bundle(&directory, "b", &site.second)?;
    let configuration = directory.join("haproxy.cfg");
    fs::write(&configuration, configure(port, &[first, second], site.measured))?;
    let mut command = site.command("/usr/sbin/haproxy");
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

fn configure(port: u16, bundles: &[PathBuf], measured: Option<Measured>) -> String {
    let [global, small, others, fetched] = measured.map_or_else(Default::default, sections);
    let mut text = format!(
        "{global}defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend main
  http-request return status 404 content-type text/plain string none if {{ path /missing }}
{small}  http-request return status 200 content-type text/plain string ok{others}
  bind 127.0.0.1:{port} ssl alpn h2,http/1.1"
    );
    for bundle in bundles {
        // Writing to a string cannot fail.
        let _ = write!(text, " crt {}", bundle.display());
    }
    text.push('\n');
    text.push_str(&fetched);
    text
}

/// What is added where it is measured: before everything, the answer to `/small`, what is not answered at once, and where
/// that is fetched.
fn sections(measured: Measured) -> [String; 4] {
    let paths = FETCHED.join(" ");
    [
        "global\n  nbthread 1\n".to_owned(),
        format!(
            "  http-request return status 200 content-type text/plain string {} if {{ path /small }}\n",
            small()
        ),
        format!(" unless {{ path {paths} }}"),
        format!(
            "  use_backend plain if {{ path {paths} }}
backend plain
  server plain 127.0.0.1:{}
",
            measured.backend
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_a_buffer_is_fetched() {
        let measured = Measured {
            cpu: 0,
            backend: 8080,
        };
        let text = configure(8443, &["a.pem".into()], Some(measured));
        assert!(text.starts_with("global\n  nbthread 1\ndefaults\n"));
        assert!(text.contains("string ok unless { path /large /huge }\n"));
        assert!(text.ends_with(
            "use_backend plain if { path /large /huge }\nbackend plain\n  server plain 127.0.0.1:8080\n"
        ));
    }

    #[test]
    fn who_is_not_measured_answers_everything() {
        let text = configure(8443, &["a.pem".into()], None);
        assert!(text.starts_with("defaults\n") && text.contains("string ok\n"));
        assert!(!text.contains("backend"));
    }
}
