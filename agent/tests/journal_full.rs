//! A disk that is really full: a small tmpfs, in a mount namespace of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

use rustix::process::geteuid;

use wrongway::journal::{Batch, Content, Entry, Journal, Settings, read};

const NAME: &str = "a_full_disk_costs_lines_that_are_counted_and_no_others";
/// Where the small disk is; set in the test that runs inside.
const PLACE: &str = "WRONGWAY_SMALL_DISK";
/// What a test that fails exits with.
const FAILED: i32 = 101;

#[test]
fn a_full_disk_costs_lines_that_are_counted_and_no_others() {
    if let Some(place) = env::var_os(PLACE) {
        fill(Path::new(&place));
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let script = r#"mount -t tmpfs -o size=64k none "$1" && exec "$0" --exact --nocapture "$2""#;
    let output = command
        .args(["--mount", "sh", "-c", script])
        .arg(env::current_exe().unwrap())
        .arg(place.path())
        .arg(NAME)
        .env(PLACE, place.path())
        .output();
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_ne!(output.status.code(), Some(FAILED), "{told}");
            eprintln!("skipped: no file system can be mounted here: {told}");
        }
        Err(error) => eprintln!("skipped: cannot run unshare: {error}"),
    }
}

fn fill(place: &Path) {
    // What else fills the disk, and goes away again.
    let ballast = place.join("ballast");
    fs::write(&ballast, vec![0; 40 * 1024]).unwrap();
    let directory = place.join("journal");
    let mut journal = Journal::open(&directory, Settings::default()).unwrap();
    let mut next = 1;
    let mut expected = Vec::new();
    let mut lost = 0;
    while lost < 50 {
        lost += append(&mut journal, &mut next, &mut expected);
    }
    assert!(expected.len() > 50, "it was full from the start: {expected:?}");
    fs::remove_file(&ballast).unwrap();
    let before = expected.len();
    while expected.len() < before + 50 {
        assert_eq!(
            append(&mut journal, &mut next, &mut expected),
            0,
            "there is room again"
        );
    }
    // As after a crash: nothing is closed.
    drop(journal);
    let mut journal = Journal::open(&directory, Settings::default()).unwrap();
    append(&mut journal, &mut next, &mut expected);
    let mut reader = read(&directory, None).unwrap();
    let ids: Vec<u64> = reader
        .by_ref()
        .map(|entry| match entry.content {
            Content::Outcome { id, .. } => id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, expected);
    assert!(reader.unreadable() <= 1, "{} torn lines", reader.unreadable());
}

/// Appends some lines, adds those that are written to `expected`, and returns how many are not.
fn append(journal: &mut Journal, next: &mut u64, expected: &mut Vec<u64>) -> usize {
    let ids: Vec<u64> = (*next..*next + 7).collect();
    *next += 7;
    let mut batch = Batch::new();
    for id in &ids {
        let entry = Entry {
            content: Content::Outcome {
                id: *id,
                outcome: "cured".to_owned(),
                retried_as: None,
            },
            run: "00ff".to_owned(),
            time: "2026-01-02T03:04:05.000000Z".to_owned(),
        };
        assert!(batch.push(&entry));
    }
    let appended = journal.append(&batch, SystemTime::now());
    if let Some(error) = appended.error {
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    }
    expected.extend(&ids[..appended.written]);
    ids.len() - appended.written
}
