//! Debian packages, installed on demand.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use super::services::NoServices;
use super::{ELSEWHERE, has_apt, is_root, say};

/// Packages that are as good as installed where their program is found: people have these from elsewhere,
/// too.
const PROGRAMS: &[(&str, &str)] = &[
    ("apache2", "apache2"),
    ("bpftool", "bpftool"),
    ("buildah", "buildah"),
    ("curl", "curl"),
    ("g++", "c++"),
    ("gcc", "cc"),
    ("haproxy", "haproxy"),
    ("iproute2", "ip"),
    ("nghttp2-client", "h2load"),
    ("nghttp2-proxy", "nghttpx"),
    ("nginx", "nginx"),
    ("nodejs", "node"),
    ("openssl", "openssl"),
    ("podman", "podman"),
    ("prometheus", "promtool"),
    ("prometheus-alertmanager", "prometheus-alertmanager"),
    ("python3", "python3"),
    ("stunnel4", "stunnel4"),
    ("wrk", "wrk"),
];

/// Where servers and system tools are that an ordinary user's `PATH` does not name.
const SYSTEM_PROGRAMS: &str = "/usr/sbin";

/// Installs those packages that are missing. No service is started on the way.
///
/// # Errors
///
/// When packages are missing and cannot be installed here; the message has the command that would.
pub fn require_packages(packages: &[&str]) -> Result<()> {
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    let command = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    if !has_apt() {
        bail!(
            "missing here, and there is no apt: {}\n{ELSEWHERE}",
            missing.join(", ")
        );
    }
    if !is_root() {
        bail!("missing here, and only root may install: run `{command}` as root, then this again");
    }
    let _guard = NoServices::new()?;
    say("running: apt-get update");
    apt_get(&["update"])?;
    say(&format!("running: {command}"));
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(&missing);
    apt_get(&arguments)
}

fn missing<'a>(packages: &[&'a str]) -> Result<Vec<&'a str>> {
    let candidates: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| !stands_in(package))
        .collect();
    if candidates.is_empty() || !has_apt() {
        return Ok(candidates);
    }
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${db:Status-Status} ${Package}\n"])
        .args(&candidates)
        .stderr(Stdio::null())
        .output()
        .context("cannot run dpkg-query")?;
    let installed = installed(&String::from_utf8_lossy(&output.stdout));
    Ok(candidates
        .into_iter()
        .filter(|package| !installed.iter().any(|name| name == package))
        .collect())
}

/// Names of the packages that dpkg calls installed, not merely known or left half-way.
fn installed(listing: &str) -> Vec<String> {
    listing
        .lines()
        .filter_map(|line| line.strip_prefix("installed "))
        .map(str::to_owned)
        .collect()
}

fn stands_in(package: &str) -> bool {
    PROGRAMS
        .iter()
        .filter(|(name, _)| *name == package)
        .any(|(_, program)| on_path(program))
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from(SYSTEM_PROGRAMS)])
        .any(|directory| directory.join(program).is_file())
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let output = Command::new("apt-get")
        .args(["-q", "-o", "DPkg::Lock::Timeout=120"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .context("cannot run apt-get")?;
    ensure!(
        output.status.success(),
        "`apt-get {}` failed: {}\n{}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_packages_count_as_installed() {
        let listing = "installed nginx\nconfig-files apache2\nnot-installed wrk\n";
        assert_eq!(installed(listing), ["nginx"]);
    }
}
