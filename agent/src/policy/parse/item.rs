//! Values of a file: what they are, and what was expected.

use std::collections::HashSet;
use std::hash::Hash;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::de::DeValue;

use super::mistake::Report;
use super::nearest::nearest;
use crate::policy::duration;

/// A list has at most so many entries.
pub(super) const MOST_ENTRIES: usize = 4096;
/// A text has at most so many bytes.
pub(super) const LONGEST_TEXT: usize = 1024;
/// So many characters of a text are shown.
const SHOWN: usize = 60;
/// So many choices are listed.
const LISTED: usize = 8;

/// A value with its place.
pub(super) struct Item<'a> {
    /// Its key, as a mistake names it.
    pub(super) key: String,
    pub(super) span: Range<usize>,
    pub(super) value: &'a DeValue<'a>,
}

impl<'a> Item<'a> {
    /// It is not what was expected.
    pub(super) fn unexpected(&self, expected: &str, report: &mut Report<'_>) {
        let message = format!("found {}; expected {expected}", self.found());
        report.wrong(&self.key, self.span.clone(), message);
    }

    /// It is wrong for another reason.
    pub(super) fn wrong(&self, message: String, report: &mut Report<'_>) {
        report.wrong(&self.key, self.span.clone(), message);
    }

    /// A string.
    pub(super) fn text(&self, expected: &str, report: &mut Report<'_>) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) if text.len() > LONGEST_TEXT => {
                let message = format!("found {} bytes; expected at most {LONGEST_TEXT}", text.len());
                self.wrong(message, report);
                None
            }
            DeValue::String(text) => Some(text.as_ref()),
            _ => {
                self.unexpected(expected, report);
                None
            }
        }
    }

    /// A string that says something.
    pub(super) fn filled_text(&self, expected: &str, report: &mut Report<'_>) -> Option<String> {
        let text = self.text(expected, report)?;
        if text.trim() == text && !text.is_empty() && !text.chars().any(char::is_control) {
            return Some(text.to_owned());
        }
        let reason = match text.trim() {
            "" => "is empty",
            _ => "has blanks around it, or control characters",
        };
        self.wrong(format!("{} {reason}; expected {expected}", quoted(text)), report);
        None
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, report: &mut Report<'_>) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.unexpected("true or false", report);
        }
        flag
    }

    /// A whole number in `range`.
    pub(super) fn number(&self, range: RangeInclusive<u64>, report: &mut Report<'_>) -> Option<u64> {
        let number = self.value.as_integer().and_then(|number| {
            let number = u64::from_str_radix(number.as_str(), number.radix()).ok()?;
            range.contains(&number).then_some(number)
        });
        if number.is_none() {
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            self.unexpected(&expected, report);
        }
        number
    }

    /// A port.
    pub(super) fn port(&self, report: &mut Report<'_>) -> Option<u16> {
        self.number(1..=u16::MAX.into(), report)?.try_into().ok()
    }

    /// A duration in `range`.
    pub(super) fn duration(
        &self,
        range: RangeInclusive<Duration>,
        report: &mut Report<'_>,
    ) -> Option<Duration> {
        let text = self.value.as_str();
        let duration = text.and_then(duration::parse);
        if let Some(duration) = duration.filter(|duration| range.contains(duration)) {
            return Some(duration);
        }
        let (shortest, longest) = (duration::text(*range.start()), duration::text(*range.end()));
        let expected = match duration {
            Some(_) => format!("a duration from {shortest:?} to {longest:?}"),
            None => "a duration such as \"30s\", \"5m\" or \"24h\"".to_owned(),
        };
        self.unexpected(&expected, report);
        None
    }

    /// A list with at least one entry, none of them twice. An entry that is no `expected` is left out.
    pub(super) fn list<T: Clone + Eq + Hash>(
        &self,
        expected: &str,
        report: &mut Report<'_>,
        read: impl FnMut(&Item<'a>, &mut Report<'_>) -> Option<T>,
    ) -> Vec<T> {
        if self.value.as_array().is_some_and(|entries| entries.is_empty()) {
            let message = format!("the list is empty; expected {expected}, or no such key");
            self.wrong(message, report);
            return Vec::new();
        }
        self.set(expected, report, read)
    }

    /// A list, none of its entries twice. An entry that is no `expected` is left out.
    pub(super) fn set<T: Clone + Eq + Hash>(
        &self,
        expected: &str,
        report: &mut Report<'_>,
        mut read: impl FnMut(&Item<'a>, &mut Report<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(entries) = self.value.as_array() else {
            self.unexpected(&format!("a list of {expected}"), report);
            return Vec::new();
        };
        if entries.len() > MOST_ENTRIES {
            let message = format!("found {} entries; expected at most {MOST_ENTRIES}", entries.len());
            self.wrong(message, report);
            return Vec::new();
        }
        let mut seen = HashSet::new();
        let mut list = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let entry = Item {
                key: format!("{}[{index}]", self.key),
                span: entry.span(),
                value: entry.get_ref(),
            };
            let Some(value) = read(&entry, report) else {
                continue;
            };
            if seen.insert(value.clone()) {
                list.push(value);
            } else {
                entry.wrong(format!("{} is listed twice", entry.found()), report);
            }
        }
        list
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        what: &str,
        all: &[T],
        name: fn(T) -> &'static str,
        report: &mut Report<'_>,
    ) -> Option<T> {
        let names = || all.iter().map(|value| name(*value));
        let listed = || match all.len() {
            ..=LISTED => one_of(names()),
            _ => format!("a {what}, as \"wrongway policy example\" lists them"),
        };
        let DeValue::String(text) = self.value else {
            self.unexpected(&listed(), report);
            return None;
        };
        if let Some(value) = all.iter().find(|value| name(**value) == text) {
            return Some(*value);
        }
        let found = quoted(text);
        self.wrong(
            match nearest(text, names()) {
                Some(meant) => format!("{found} is no {what}; did you mean {meant:?}?"),
                None => format!("{found} is no {what}; expected {}", listed()),
            },
            report,
        );
        None
    }

    /// What it is, in words.
    pub(super) fn found(&self) -> String {
        match self.value {
            DeValue::String(text) => quoted(text),
            DeValue::Integer(number) => format!("the number {}", shortened(&number.to_string())),
            DeValue::Float(number) => format!("the number {}", shortened(number.as_str())),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Datetime(time) => format!("the time {time}"),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        }
    }
}

/// `text` in quotes; of a long one, the start.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

/// `text`, or its start if it is long.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `"a", "b" or "c"`.
pub(super) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("{name:?}")).collect();
    match names.pop() {
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} or {last}", names.join(", ")),
        None => String::new(),
    }
}
