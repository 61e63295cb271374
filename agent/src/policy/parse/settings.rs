//! Privacy, limits and windows.

use std::path::Path;
use std::time::Duration;

use super::item::{Item, quoted};
use super::mistake::Report;
use super::section::Section;
use super::{ReadKey, names};
use crate::policy::{Key, Limits, Names, Pattern, Privacy, Windows};

/// `[privacy]`.
pub(super) fn privacy(file: &Section<'_>, read_key: ReadKey<'_>, report: &mut Report<'_>) -> Privacy {
    let Some(section) = file.table("privacy", &["ignore", "hash", "key_file"], report) else {
        return Privacy::default();
    };
    let ignore: Names = section
        .find("ignore")
        .map_or_else(Vec::new, |item| item.set(names::EXPECTED, report, names::pattern))
        .into_iter()
        .collect();
    let ignored = ignore.patterns();
    let hashed = |item: &Item<'_>, report: &mut Report<'_>| -> Option<Pattern> {
        let pattern = names::pattern(item, report)?;
        if ignored.binary_search(&pattern).is_ok() {
            item.wrong(
                format!("{} is ignored: there is nothing to hash", item.found()),
                report,
            );
            return None;
        }
        Some(pattern)
    };
    let hash = section
        .find("hash")
        .map_or_else(Vec::new, |item| item.set(names::EXPECTED, report, hashed));
    Privacy {
        ignore,
        hash: hash.into_iter().collect(),
        key: section
            .find("key_file")
            .and_then(|item| key(&item, read_key, report)),
    }
}

fn key(item: &Item<'_>, read_key: ReadKey<'_>, report: &mut Report<'_>) -> Option<Key> {
    const EXPECTED: &str = "the absolute path of a file with a secret";
    let text = item.filled_text(EXPECTED, report)?;
    let path = Path::new(&text);
    if !path.is_absolute() {
        item.unexpected(EXPECTED, report);
        return None;
    }
    match read_key(path) {
        Ok(key) => Some(key),
        Err(reason) => {
            item.wrong(format!("{} {reason}", quoted(&text)), report);
            None
        }
    }
}

/// `[limits]`.
pub(super) fn limits(file: &Section<'_>, report: &mut Report<'_>) -> Limits {
    let mut limits = Limits::default();
    let known = [
        "metric_names",
        "alerts_per_rule",
        "listeners",
        "names_per_listener",
    ];
    let Some(section) = file.table("limits", &known, report) else {
        return limits;
    };
    // Memory grows with each of them: the largest values fit a machine with a few GB.
    let settings = [
        (&mut limits.metric_names, 100_000),
        (&mut limits.alerts_per_rule, 10_000),
        (&mut limits.listeners, 100_000),
        (&mut limits.names_per_listener, 10_000),
    ];
    for (name, (setting, most)) in known.into_iter().zip(settings) {
        let number = section.find(name).and_then(|item| item.number(1..=most, report));
        if let Some(number) = number.and_then(|number| usize::try_from(number).ok()) {
            *setting = number;
        }
    }
    limits
}

/// `[windows]`.
pub(super) fn windows(file: &Section<'_>, report: &mut Report<'_>) -> Windows {
    let mut windows = Windows::default();
    let known = ["retry", "ping_pong", "listener"];
    let Some(section) = file.table("windows", &known, report) else {
        return windows;
    };
    let settings = [
        (&mut windows.retry, Duration::from_hours(1)),
        (&mut windows.ping_pong, Duration::from_hours(24)),
        (&mut windows.listener, Duration::from_hours(30 * 24)),
    ];
    for (name, (setting, longest)) in known.into_iter().zip(settings) {
        let range = Duration::from_secs(1)..=longest;
        if let Some(duration) = section.find(name).and_then(|item| item.duration(range, report)) {
            *setting = duration;
        }
    }
    windows
}
