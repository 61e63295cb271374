//! The journal's files: their names, and which there are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{Date, Month, OffsetDateTime};

const PREFIX: &str = "findings-";
const SUFFIX: &str = ".jsonl";

/// A file of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Its place among the others.
    pub(super) sequence: u64,
    /// When it was begun.
    pub(super) begun: SystemTime,
    /// Bytes.
    pub(super) size: u64,
    /// When it was last written.
    pub(super) written: SystemTime,
}

/// `findings-20260102T030405Z-000042.jsonl`
pub(super) fn name(begun: SystemTime, sequence: u64) -> String {
    let time = OffsetDateTime::from(begun);
    format!(
        "{PREFIX}{:04}{:02}{:02}T{:02}{:02}{:02}Z-{sequence:06}{SUFFIX}",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
    )
}

/// When a file of this name was begun, and its place; `None` if it is none of the journal's.
fn parse(name: &str) -> Option<(SystemTime, u64)> {
    let (time, sequence) = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let well_formed = is_number(date) && is_number(clock) && is_number(sequence);
    if !well_formed || (date.len(), clock.len()) != (8, 6) {
        return None;
    }
    let two = |text: &str, at: usize| text.get(at..at + 2)?.parse::<u8>().ok();
    let month = Month::try_from(two(date, 4)?).ok()?;
    let date = Date::from_calendar_date(date[..4].parse().ok()?, month, two(date, 6)?).ok()?;
    let begun = date
        .with_hms(two(clock, 0)?, two(clock, 2)?, two(clock, 4)?)
        .ok()?;
    let seconds = u64::try_from(begun.assume_utc().unix_timestamp()).ok()?;
    let begun = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    Some((begun, sequence.parse().ok()?))
}

/// The journal's files, in the order in which they were written.
///
/// # Errors
/// If the directory cannot be read. A file that goes away meanwhile is none.
pub(super) fn list(directory: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Some((begun, sequence)) = entry.file_name().to_str().and_then(parse) else {
            continue;
        };
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_file() {
            found.push(Found {
                path: entry.path(),
                sequence,
                begun,
                size: metadata.len(),
                written: metadata.modified()?,
            });
        }
    }
    found.sort_by(|a, b| (a.sequence, &a.path).cmp(&(b.sequence, &b.path)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_name_reads_back() {
        let begun = UNIX_EPOCH + Duration::from_secs(1_709_210_096);
        let name = name(begun, 42);
        assert_eq!(name, "findings-20240229T123456Z-000042.jsonl");
        assert_eq!(parse(&name), Some((begun, 42)));
        assert_eq!(
            parse("findings-20240229T123456Z-12345678.jsonl"),
            Some((begun, 12_345_678))
        );
    }

    #[rstest]
    #[case("lock")]
    #[case("findings-.jsonl")]
    #[case("findings-20240229T123456Z-.jsonl")]
    #[case("findings-20240230T123456Z-000001.jsonl")]
    #[case("findings-20240229T256060Z-000001.jsonl")]
    #[case("findings-20240229T123456Z-000001.jsonl.gz")]
    #[case("findings-2024é229T12345Z-000001.jsonl")]
    #[case("findings-20240229T123456Z-99999999999999999999999.jsonl")]
    fn others_are_not_of_the_journal(#[case] name: &str) {
        assert_eq!(parse(name), None);
    }
}
