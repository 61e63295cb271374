//! Tables of a file: which keys they have.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::item::{Item, MOST_ENTRIES};
use super::mistake::Report;
use super::nearest::nearest;

/// A table whose keys are all known.
pub(super) struct Section<'a> {
    table: &'a DeTable<'a>,
    /// Its header, or the table itself if it is written in one line.
    pub(super) span: Range<usize>,
    /// Its key, as a mistake names it; empty for the file.
    pub(super) key: String,
    /// Keys that a misspelt one seems to mean.
    meant: Vec<String>,
}

impl<'a> Section<'a> {
    /// The table of this key. Each key in it that is not `known` is a mistake.
    pub(super) fn new(
        table: &'a DeTable<'a>,
        span: Range<usize>,
        key: String,
        known: &[&str],
        report: &mut Report<'_>,
    ) -> Self {
        let mut section = Self {
            table,
            span,
            key,
            meant: Vec::new(),
        };
        for name in table.keys() {
            let word = name.get_ref().as_ref();
            if !known.contains(&word) {
                let message = if let Some(meant) = nearest(word, known.iter().copied()) {
                    section.meant.push(meant.to_owned());
                    format!("unknown key; did you mean {meant:?}?")
                } else {
                    format!("unknown key; expected one of {}", known.join(", "))
                };
                report.wrong(&section.key_of(word), name.span(), message);
            }
        }
        section
    }

    /// The value of a key, if it is there.
    pub(super) fn find(&self, name: &str) -> Option<Item<'a>> {
        let (_, value) = self.table.get_key_value(name)?;
        Some(Item {
            key: self.key_of(name),
            span: value.span(),
            value: value.get_ref(),
        })
    }

    /// The value of a key that has to be there.
    pub(super) fn require(&self, name: &str, expected: &str, report: &mut Report<'_>) -> Option<Item<'a>> {
        let item = self.find(name);
        if item.is_none() {
            self.lacks(
                &[name],
                format!("missing key {name:?}; expected {expected}"),
                report,
            );
        }
        item
    }

    /// None of these keys is there. That is told unless one of them is there, but misspelt.
    pub(super) fn lacks(&self, names: &[&str], message: String, report: &mut Report<'_>) {
        if !self.misspells(names) {
            report.missing(&self.key, self.span.clone(), message);
        }
    }

    /// Whether one of these keys seems to be there, but misspelt.
    pub(super) fn misspells(&self, names: &[&str]) -> bool {
        self.meant.iter().any(|meant| names.contains(&meant.as_str()))
    }

    /// The table of this key, if it is there.
    pub(super) fn table(&self, name: &str, known: &[&str], report: &mut Report<'_>) -> Option<Section<'a>> {
        let item = self.find(name)?;
        match item.value {
            DeValue::Table(table) => Some(Section::new(table, item.span, item.key, known, report)),
            DeValue::Array(tables) if tables.iter().all(|table| table.get_ref().is_table()) => {
                let message = format!("found a list of tables; expected one table, headed [{name}]");
                report.wrong(&item.key, item.span, message);
                None
            }
            _ => {
                item.unexpected(&format!("a table, headed [{name}]"), report);
                None
            }
        }
    }

    /// The tables of this key; `None` if it is not there.
    pub(super) fn tables(
        &self,
        name: &str,
        known: &[&str],
        report: &mut Report<'_>,
    ) -> Option<Vec<Section<'a>>> {
        let item = self.find(name)?;
        let DeValue::Array(entries) = item.value else {
            item.unexpected(&format!("a list of tables, each headed [[{name}]]"), report);
            return Some(Vec::new());
        };
        if entries.len() > MOST_ENTRIES {
            let message = format!("found {} tables; expected at most {MOST_ENTRIES}", entries.len());
            report.wrong(&item.key, item.span, message);
            return Some(Vec::new());
        }
        let mut sections = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let entry = Item {
                key: format!("{name}[{index}]"),
                span: entry.span(),
                value: entry.get_ref(),
            };
            match entry.value {
                DeValue::Table(table) => {
                    sections.push(Section::new(table, entry.span, entry.key, known, report));
                }
                _ => entry.unexpected(&format!("a table, headed [[{name}]]"), report),
            }
        }
        Some(sections)
    }

    /// Each key with its value, where keys are free.
    pub(super) fn entries(
        table: &Item<'a>,
        report: &mut Report<'_>,
    ) -> Vec<(&'a str, Range<usize>, Item<'a>)> {
        let DeValue::Table(entries) = table.value else {
            table.unexpected("a table", report);
            return Vec::new();
        };
        let entry = |(name, value): (
            &'a toml::Spanned<toml::de::DeString<'a>>,
            &'a toml::Spanned<DeValue<'a>>,
        )| {
            let word = name.get_ref().as_ref();
            let item = Item {
                key: joined(&table.key, word),
                span: value.span(),
                value: value.get_ref(),
            };
            (word, name.span(), item)
        };
        entries.iter().map(entry).collect()
    }

    fn key_of(&self, name: &str) -> String {
        joined(&self.key, name)
    }
}

/// A key under another, in quotes where TOML wants them.
fn joined(parent: &str, name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let name = if !name.is_empty() && name.bytes().all(is_bare) {
        name.to_owned()
    } else {
        format!("{name:?}")
    };
    if parent.is_empty() {
        name
    } else {
        format!("{parent}.{name}")
    }
}
