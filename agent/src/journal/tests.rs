use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::export::testing;
use crate::export::{present, timestamp};
use crate::verdict::Verdict;

const SMALL: Settings = Settings {
    max_file_bytes: 10_000,
    max_file_age: Duration::from_hours(24),
    max_age: Duration::from_hours(7 * 24),
    max_total_bytes: 30_000,
};

fn entry(run: &str, content: Content) -> Entry {
    Entry {
        content,
        run: run.to_owned(),
        time: timestamp::rfc3339(SystemTime::now()),
    }
}

fn finding(id: u64) -> Content {
    let exchange = present::judged(&testing::exchange(id, Verdict::Split421));
    Content::Finding {
        exchange: Box::new(exchange),
    }
}

fn outcome(id: u64, outcome: &str) -> Content {
    Content::Outcome {
        id,
        outcome: outcome.to_owned(),
        retried_as: Some(id + 1),
    }
}

fn batch(run: &str, contents: impl IntoIterator<Item = Content>) -> Batch {
    let mut batch = Batch::new();
    for content in contents {
        assert!(batch.push(&entry(run, content)));
    }
    batch
}

fn append(journal: &mut Journal, run: &str, contents: impl IntoIterator<Item = Content>, now: SystemTime) {
    let batch = batch(run, contents);
    let appended = journal.append(&batch, now);
    assert!(appended.error.is_none(), "{:?}", appended.error);
    assert_eq!(appended.written, batch.len());
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let found = files::list(directory).unwrap();
    found.into_iter().map(|file| file.path).collect()
}

/// Numbers and outcomes of the findings, and everything.
fn past(directory: &TempDir, limit: usize) -> (Vec<(u64, String)>, Past) {
    let past = Past::read(directory.path(), None, limit).unwrap();
    let findings = past.findings.iter();
    let findings = findings.map(|found| {
        (
            found.exchange.id,
            found.exchange.outcome.clone().unwrap_or_default(),
        )
    });
    (findings.collect(), past)
}

#[test]
fn findings_of_earlier_runs_come_back_with_their_outcomes() {
    let directory = TempDir::new().unwrap();
    let now = SystemTime::now();
    let mut journal = Journal::open(directory.path(), SMALL).unwrap();
    append(
        &mut journal,
        "one",
        [finding(1), finding(2), outcome(1, "cured")],
        now,
    );
    journal.close().unwrap();
    let mut journal = Journal::open(directory.path(), SMALL).unwrap();
    // Another run's outcome is no business of the first one's.
    append(&mut journal, "two", [outcome(2, "loop"), finding(3)], now);
    append(
        &mut journal,
        "two",
        [Content::Stop {
            exchange_id: 90,
            connection_id: 40,
        }],
        now,
    );
    journal.close().unwrap();
    let (findings, past) = past(&directory, 10);
    let unseen = "not_observable".to_owned();
    assert_eq!(
        findings,
        [(1, "cured".to_owned()), (2, unseen.clone()), (3, unseen)]
    );
    assert_eq!(past.findings[0].run, "one");
    assert_eq!((past.highest_exchange_id, past.highest_connection_id), (90, 40));
    assert_eq!(past.unreadable, 0);
    assert_eq!(files(directory.path()).len(), 1, "a restart begins no file");
    let Content::Finding { exchange } = finding(3) else {
        panic!("no finding")
    };
    let mut expected = *exchange;
    expected.outcome = Some("not_observable".to_owned());
    assert_eq!(past.findings[2].exchange, expected, "nothing is lost on the way");
}

#[test]
fn a_torn_last_line_is_skipped_and_the_next_one_is_whole() {
    let directory = TempDir::new().unwrap();
    let now = SystemTime::now();
    let mut journal = Journal::open(directory.path(), SMALL).unwrap();
    append(&mut journal, "one", [finding(1), finding(2)], now);
    drop(journal);
    let [file] = &files(directory.path())[..] else {
        panic!("not one file");
    };
    let size = fs::metadata(file).unwrap().len();
    OpenOptions::new()
        .write(true)
        .open(file)
        .and_then(|file| file.set_len(size - 10))
        .unwrap();
    let mut journal = Journal::open(directory.path(), SMALL).unwrap();
    append(&mut journal, "two", [finding(3)], now);
    append(&mut journal, "two", [finding(4)], now);
    let (findings, past) = past(&directory, 10);
    assert_eq!(
        findings.iter().map(|found| found.0).collect::<Vec<_>>(),
        [1, 3, 4]
    );
    assert_eq!(past.unreadable, 1);
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(text.lines().count(), 4, "no line is empty: {text}");
}

#[test]
fn a_line_that_lacks_only_its_end_is_whole() {
    let directory = TempDir::new().unwrap();
    let now = SystemTime::now();
    let mut journal = Journal::open(directory.path(), SMALL).unwrap();
    append(&mut journal, "one", [finding(1)], now);
    drop(journal);
    let file = &files(directory.path())[0];
    let size = fs::metadata(file).unwrap().len();
    let cut = OpenOptions::new().write(true).open(file).unwrap();
    cut.set_len(size - 1).unwrap();
    let mut journal = Journal::open(directory.path(), SMALL).unwrap();
    append(&mut journal, "two", [finding(2)], now);
    let (findings, past) = past(&directory, 10);
    assert_eq!((findings.len(), past.unreadable), (2, 0));
}

#[test]
fn a_full_file_is_followed_by_another_and_the_oldest_make_room() {
    let directory = TempDir::new().unwrap();
    let now = SystemTime::now();
    let mut journal = Journal::open(directory.path(), SMALL).unwrap();
    for id in 1..=100 {
        append(&mut journal, "one", [finding(id)], now);
        let sizes: Vec<u64> = files(directory.path())
            .iter()
            .map(|file| fs::metadata(file).unwrap().len())
            .collect();
        assert!(
            sizes.iter().all(|size| *size <= SMALL.max_file_bytes),
            "{sizes:?}"
        );
        assert!(sizes.iter().sum::<u64>() <= SMALL.max_total_bytes, "{sizes:?}");
    }
    let (findings, past) = past(&directory, 1000);
    let ids: Vec<u64> = findings.iter().map(|found| found.0).collect();
    let first = ids[0];
    assert!(first > 1 && ids.len() > 10, "{ids:?}");
    assert_eq!(
        ids,
        (first..=100).collect::<Vec<_>>(),
        "in order and without a gap"
    );
    assert_eq!(past.unreadable, 0);
}

#[test]
fn a_line_larger_than_a_file_has_one_of_its_own() {
    let directory = TempDir::new().unwrap();
    let settings = Settings {
        max_file_bytes: 1,
        ..SMALL
    };
    let mut journal = Journal::open(directory.path(), settings).unwrap();
    for id in 1..=3 {
        append(&mut journal, "one", [finding(id)], SystemTime::now());
    }
    assert_eq!(files(directory.path()).len(), 3);
}

#[test]
fn an_old_file_is_closed_and_one_day_deleted() {
    let directory = TempDir::new().unwrap();
    let now = SystemTime::now();
    let mut journal = Journal::open(directory.path(), SMALL).unwrap();
    append(&mut journal, "one", [finding(1)], now);
    append(&mut journal, "one", [finding(2)], now + Duration::from_hours(23));
    assert_eq!(files(directory.path()).len(), 1);
    append(&mut journal, "one", [finding(3)], now + Duration::from_hours(25));
    assert_eq!(files(directory.path()).len(), 2);
    journal.maintain(now + Duration::from_hours(6 * 24)).unwrap();
    assert_eq!(files(directory.path()).len(), 2);
    // Both were last written now, whatever the tale told to the journal is.
    journal.maintain(now + Duration::from_hours(8 * 24)).unwrap();
    assert_eq!(
        files(directory.path()).len(),
        0,
        "with nothing new there is nothing to keep"
    );
    append(
        &mut journal,
        "one",
        [finding(4)],
        now + Duration::from_hours(8 * 24),
    );
    assert_eq!(past(&directory, 10).0.len(), 1);
}

#[test]
fn two_agents_do_not_share_a_directory() {
    let directory = TempDir::new().unwrap();
    let first = Journal::open(directory.path(), SMALL).unwrap();
    let error = Journal::open(directory.path(), SMALL).unwrap_err();
    let expected = format!(
        "journal directory {} is in use by another agent (pid {}); stop it or choose another with --journal",
        directory.path().display(),
        std::process::id()
    );
    assert_eq!(error.to_string(), expected);
    drop(first);
    Journal::open(directory.path(), SMALL).unwrap();
}

#[test]
fn a_directory_that_cannot_be_one_is_named() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "").unwrap();
    let error = Journal::open(&path.join("journal"), SMALL)
        .unwrap_err()
        .to_string();
    let start = format!("cannot keep a journal in {}", path.join("journal").display());
    assert!(error.starts_with(&start), "{error}");
    assert!(
        error.ends_with("choose another directory with --journal"),
        "{error}"
    );
}

#[test]
fn the_journal_is_not_for_everybody() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("deep").join("journal");
    let _journal = Journal::open(&directory, SMALL).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory) & 0o027, 0);
    assert_eq!(mode(&files(&directory)[0]) & 0o137, 0);
}

#[test]
fn a_file_that_was_tidied_away_is_replaced() {
    let directory = TempDir::new().unwrap();
    let now = SystemTime::now();
    let mut journal = Journal::open(directory.path(), SMALL).unwrap();
    append(&mut journal, "one", [finding(1)], now);
    fs::remove_file(&files(directory.path())[0]).unwrap();
    append(&mut journal, "one", [finding(2)], now);
    assert_eq!(past(&directory, 10).0[0].0, 2);
}

#[test]
fn only_the_newest_are_remembered_across_files() {
    let directory = TempDir::new().unwrap();
    let now = SystemTime::now();
    let mut journal = Journal::open(directory.path(), SMALL).unwrap();
    for id in 1..=15 {
        append(&mut journal, "one", [finding(id)], now);
    }
    append(&mut journal, "one", [outcome(5, "cured")], now);
    assert!(files(directory.path()).len() > 1);
    let (findings, _) = past(&directory, 11);
    assert_eq!(
        findings.iter().map(|found| found.0).collect::<Vec<_>>(),
        (5..=15).collect::<Vec<_>>()
    );
    assert_eq!(
        findings[0].1,
        "cured".to_owned(),
        "learned in a newer file than the finding's"
    );
}

#[test]
fn what_is_too_old_is_left_out() {
    let directory = TempDir::new().unwrap();
    let mut journal = Journal::open(directory.path(), SMALL).unwrap();
    let mut batch = Batch::new();
    for (id, time) in [
        (1, "2026-01-01T00:00:00.000000Z"),
        (2, "2026-01-03T00:00:00.000000Z"),
    ] {
        batch.push(&Entry {
            time: time.to_owned(),
            ..entry("one", finding(id))
        });
    }
    journal.append(&batch, SystemTime::now());
    // 2026-01-02T00:00:00Z.
    let since = 1_767_312_000_000_000_000;
    let ids: Vec<u64> = read(directory.path(), Some(since))
        .unwrap()
        .filter_map(|entry| match entry.content {
            Content::Finding { exchange } => Some(exchange.id),
            _ => None,
        })
        .collect();
    assert_eq!(ids, [2]);
    let tomorrow = since + 400 * 24 * 3600 * 1_000_000_000;
    assert_eq!(
        Past::read(directory.path(), Some(tomorrow), 10).unwrap().findings,
        []
    );
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(files::name(UNIX_EPOCH, 1));
    let mut file = fs::File::create(path).unwrap();
    for _ in 0..10 {
        file.write_all(&vec![b'x'; MAX_LINE]).unwrap();
    }
    writeln!(file).unwrap();
    serde_json::to_writer(&mut file, &entry("one", outcome(1, "cured"))).unwrap();
    let mut reader = read(directory.path(), None).unwrap();
    assert!(reader.next().is_some());
    assert!(reader.next().is_none());
    assert_eq!(reader.unreadable(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whole_lines_are_found_among_garbage(
        pieces in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>().prop_filter("an end of line", |byte| *byte != b'\n'), 0..200)
                .prop_map(Err),
            (0_u64..1000).prop_map(Ok),
        ], 0..30),
    ) {
        let directory = TempDir::new().unwrap();
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for piece in pieces {
            match piece {
                Ok(id) => {
                    serde_json::to_writer(&mut bytes, &entry("one", outcome(id, "cured"))).unwrap();
                    expected.push(id);
                }
                Err(garbage) => bytes.extend(garbage),
            }
            bytes.push(b'\n');
        }
        fs::write(directory.path().join(files::name(UNIX_EPOCH, 1)), bytes).unwrap();
        let found: Vec<u64> = read(directory.path(), None).unwrap().filter_map(|entry| match entry.content {
            Content::Outcome { id, .. } => Some(id),
            _ => None,
        }).collect();
        prop_assert_eq!(found, expected);
        Past::read(directory.path(), None, 3).unwrap();
    }
}
