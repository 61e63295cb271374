//! `wrongway policy`, and how `wrongway run` takes a policy.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Runs in `directory`, so that file names are short.
fn wrongway(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wrongway"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap()
}

/// A directory with `policy.toml`.
fn directory(text: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("policy.toml"), text).unwrap();
    directory
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

const BAD: &str = "[limits]\nlisteners = 0\n\n[[alert]]\nname = 'a'\nclasses = ['wrong']\n";

const MISTAKES: &str = "\
policy.toml:2:13: limits.listeners: found the number 0; expected a whole number from 1 to 100000
policy.toml:6:12: alert[0].classes[0]: \"wrong\" is no class; expected \"fine\", \"watch\", \"undecided\", \
\"correct_421\", \"wrong_421\", \"missing_421\" or \"malformed\"
policy.toml: not valid: 2 mistakes
";

#[test]
fn every_mistake_is_told_with_its_place() {
    let directory = directory(BAD);
    let output = wrongway(directory.path(), &["policy", "check", "policy.toml"]);
    assert_eq!(stdout(&output), MISTAKES);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn mistakes_are_objects_too() {
    let directory = directory(BAD);
    let output = wrongway(directory.path(), &["policy", "check", "--json", "policy.toml"]);
    let lines: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["file"], "policy.toml");
    assert_eq!((&lines[0]["line"], &lines[0]["column"]), (&2.into(), &13.into()));
    assert_eq!(lines[0]["key"], "limits.listeners");
    assert_eq!(
        lines[2],
        serde_json::json!({"file": "policy.toml", "valid": false, "mistakes": 2, "contents": null})
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_valid_policy_is_told_in_one_line() {
    let directory = directory(
        "[[forward_proxy]]\nport = 3128\n[[forward_proxy]]\nport = 8080\n[[shared_names]]\nnames = ['*.a.example']\n",
    );
    let output = wrongway(directory.path(), &["policy", "check", "policy.toml"]);
    assert_eq!(
        stdout(&output),
        "policy.toml: valid: 2 forward proxies, 1 group of shared names, 6 alerts\n"
    );
    assert_eq!(output.status.code(), Some(0));
    let output = wrongway(directory.path(), &["policy", "check", "--json", "policy.toml"]);
    let summary: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(summary["valid"], true);
    assert_eq!(summary["contents"]["forward_proxies"], 2);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_policy_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let output = wrongway(directory.path(), &["policy", "check", "nothing.toml"]);
    assert!(
        stderr(&output).starts_with("wrongway: cannot read policy nothing.toml: No such file"),
        "{}",
        stderr(&output)
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_example_passes_the_check() {
    let directory = tempfile::tempdir().unwrap();
    let example = wrongway(directory.path(), &["policy", "example"]);
    assert_eq!(example.status.code(), Some(0));
    fs::write(directory.path().join("example.toml"), &example.stdout).unwrap();
    let output = wrongway(directory.path(), &["policy", "check", "example.toml"]);
    assert_eq!(stdout(&output), "example.toml: valid: 6 alerts\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_bad_policy_keeps_the_agent_from_starting() {
    let directory = directory(BAD);
    let output = wrongway(directory.path(), &["run", "--config", "policy.toml"]);
    assert_eq!(
        stderr(&output),
        format!(
            "{MISTAKES}wrongway: policy policy.toml is not valid; correct it, or start without --config\n"
        )
    );
    assert_eq!(output.status.code(), Some(64));
}

#[test]
fn a_policy_that_is_not_there_keeps_the_agent_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    let output = wrongway(directory.path(), &["run", "--config", "nothing.toml"]);
    assert!(
        stderr(&output).contains("cannot read policy nothing.toml"),
        "{}",
        stderr(&output)
    );
    assert_eq!(output.status.code(), Some(64));
}
