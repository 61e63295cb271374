//! `wrongway replay` as a user runs it.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use wrongway::export::view::Exchange;

use super::scene::{Step, observe, record, scene};
use super::world::exchanges;

fn replay(file: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wrongway"))
        .arg("replay")
        .arg(file)
        .args(arguments)
        .output()
        .unwrap()
}

/// Replays a file with this content: its output, its error without the directory, and its exit code.
fn replay_bytes(content: &[u8], arguments: &[&str]) -> (String, String, Option<i32>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.recording");
    std::fs::write(&file, content).unwrap();
    told(&directory, &replay(&file, arguments))
}

fn told(directory: &TempDir, output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let errors = text(&output.stderr).replace(directory.path().to_str().unwrap(), "DIRECTORY");
    (text(&output.stdout), errors, output.status.code())
}

/// What is told of these steps: what clients did after their 421s is not in them.
fn expected(steps: &[Step]) -> Vec<Exchange> {
    let mut exchanges = exchanges(&observe(steps));
    for exchange in &mut exchanges {
        if exchange.status == Some(421) {
            exchange.outcome = Some("not_observable".to_owned());
        }
    }
    exchanges
}

fn parsed(lines: &str) -> Vec<Exchange> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_recording_as_a_table() {
    let (table, errors, code) = replay_bytes(&record(&scene()), &[]);
    assert_eq!((&*errors, code), ("", Some(0)));
    insta::assert_snapshot!(table, @r"
    ID  TIME (UTC)    ROLE    PROTOCOL  AUTHORITY  SNI        STATUS  VERDICT                     PROGRAM
     1  03:04:05.001  server  http/1.1  a.example  a.example     200  ok                          server
     2  03:04:05.002  client  http/1.1  a.example  a.example     200  ok                          client
     3  03:04:05.002  client  http/1.1  b.example  a.example     421  pool_bleed_421              client
     4  03:04:05.003  server  h2        b.example  a.example     421  mismatch_421_unverified     server
     5  03:04:05.003  server  h2        c.example  a.example     200  mismatch_served_unverified  server
     6  03:04:05.003  server  h2        a.example  a.example       ?  insufficient_evidence       server
     7  03:04:05.003  server  h2        d.example  a.example       ?  aborted                     server
    ");
}

#[test]
fn a_recording_as_json_is_the_contracts_objects_one_a_line() {
    let steps = scene();
    let (lines, errors, code) = replay_bytes(&record(&steps), &["--json"]);
    assert_eq!((&*errors, code), ("", Some(0)));
    assert_eq!(parsed(&lines), expected(&steps));
}

#[test]
fn a_recording_of_nothing_has_no_exchanges() {
    let (lines, errors, code) = replay_bytes(&record(&[]), &["--json"]);
    assert_eq!((&*lines, &*errors, code), ("", "", Some(0)));
}

#[test]
fn a_recording_that_breaks_off_is_told_up_to_there_and_exits_with_1() {
    let steps = scene();
    let recording = record(&steps);
    // The last entry is the exit of the server's process; without it the open exchanges are not told.
    let (lines, errors, code) = replay_bytes(&recording[..recording.len() - 1], &["--json"]);
    let before = expected(&steps[..steps.len() - 1]);
    assert!(!before.is_empty());
    assert_eq!(parsed(&lines), before);
    let entry = steps.len() + 1;
    assert_eq!(
        errors,
        format!(
            "wrongway: cannot replay DIRECTORY/a.recording: it breaks off in entry {entry}: the recording was cut \
             short; what came before is used\n"
        )
    );
    assert_eq!(code, Some(1));
}

#[test]
fn a_damaged_recording_is_told_up_to_there_and_exits_with_1() {
    let steps = scene();
    let mut recording = record(&steps);
    let entry = [2, 0, 0, 0, 9, 0];
    recording.extend(entry);
    let (lines, errors, code) = replay_bytes(&recording, &["--json"]);
    assert_eq!(parsed(&lines), expected(&steps));
    let entry = steps.len() + 2;
    assert_eq!(
        errors,
        format!("wrongway: cannot replay DIRECTORY/a.recording: entry {entry} is damaged: unknown kind 9\n")
    );
    assert_eq!(code, Some(1));
}

#[test]
fn what_is_no_recording_is_refused_with_64() {
    let expected = "wrongway: cannot replay DIRECTORY/a.recording: it is no recording of wrongway, or one of another \
                    version: it should begin with \"wrongway recording 2\"\n";
    for content in [
        &b""[..],
        b"wrongway",
        b"wrongway recording 1\n and more",
        b"{\"sni\":null}\n",
    ] {
        let (lines, errors, code) = replay_bytes(content, &[]);
        assert_eq!((&*lines, &*errors, code), ("", expected, Some(64)));
    }
}

#[test]
fn a_file_that_does_not_exist_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let output = replay(&directory.path().join("none"), &[]);
    let (lines, errors, code) = told(&directory, &output);
    assert_eq!(lines, "");
    assert_eq!(
        errors,
        "wrongway: cannot read DIRECTORY/none: No such file or directory (os error 2)\n"
    );
    assert_eq!(code, Some(64));
}

#[test]
fn a_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let output = replay(directory.path(), &[]);
    let (lines, errors, code) = told(&directory, &output);
    assert_eq!(lines, "");
    assert_eq!(
        errors,
        "wrongway: cannot replay DIRECTORY: cannot read it: Is a directory (os error 21)\n"
    );
    assert_eq!(code, Some(64));
}
