//! eBPF objects that a process holds in the kernel.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// The kernel frees objects some time after their last holder ended.
const RELEASE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// A program, map or link with the kernel's number for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// `prog`, `map` or `link`: as bpftool calls it.
    pub kind: &'static str,
    /// Unique among those alive.
    pub id: u32,
}

/// What a process holds through its descriptors.
///
/// # Errors
///
/// When its descriptors cannot be read.
pub fn held_by(pid: u32) -> Result<BTreeSet<Object>> {
    let directory = format!("/proc/{pid}/fdinfo");
    let mut objects = BTreeSet::new();
    for entry in fs::read_dir(&directory).with_context(|| format!("cannot read {directory}"))? {
        // A descriptor may be closed in between.
        if let Ok(text) = fs::read_to_string(entry?.path()) {
            objects.extend(objects_in(&text));
        }
    }
    Ok(objects)
}

/// Waits until none of these objects is left in the kernel.
///
/// # Errors
///
/// When some stay; the message names them.
pub fn wait_until_gone(objects: &BTreeSet<Object>) -> Result<()> {
    let deadline = Instant::now() + RELEASE;
    loop {
        let left: Vec<&Object> = objects.iter().filter(|object| exists(object)).collect();
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("still in the kernel: {left:?}");
        }
        sleep(POLL);
    }
}

/// Entries in all maps that a process holds, arrays left out: they are always full.
///
/// # Errors
///
/// When bpftool fails.
pub fn hash_entries(pid: u32) -> Result<usize> {
    let mut entries = 0;
    for object in held_by(pid)?.iter().filter(|object| object.kind == "map") {
        let shown = super::process::output_of(Command::new("bpftool").args([
            "--json",
            "map",
            "show",
            "id",
            &object.id.to_string(),
        ]))?;
        let shown: serde_json::Value = serde_json::from_str(&shown).context("bpftool printed no JSON")?;
        if !shown["type"].as_str().is_some_and(|kind| kind.contains("hash")) {
            continue;
        }
        let dump = super::process::output_of(Command::new("bpftool").args([
            "--json",
            "map",
            "dump",
            "id",
            &object.id.to_string(),
        ]))?;
        let dump: serde_json::Value = serde_json::from_str(&dump).context("bpftool printed no JSON")?;
        entries += dump.as_array().map_or(0, Vec::len);
    }
    Ok(entries)
}

fn exists(object: &Object) -> bool {
    Command::new("bpftool")
        .args([object.kind, "show", "id", &object.id.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A line of fdinfo names an object as `prog_id:`, `map_id:` or `link_id:`.
fn objects_in(fdinfo: &str) -> impl Iterator<Item = Object> {
    fdinfo.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        let kind = match key {
            "prog_id" => "prog",
            "map_id" => "map",
            "link_id" => "link",
            _ => return None,
        };
        let id = value.trim().parse().ok()?;
        Some(Object { kind, id })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_itself_and_its_program() {
        let fdinfo = "pos:\t0\nlink_type:\tperf\nlink_id:\t7\nprog_tag:\tabc\nprog_id:\t12\n";
        let found: Vec<Object> = objects_in(fdinfo).collect();
        assert_eq!(
            found,
            [Object { kind: "link", id: 7 }, Object { kind: "prog", id: 12 }]
        );
    }
}
