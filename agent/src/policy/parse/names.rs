//! Lists of names.

use super::item::{Item, quoted};
use super::mistake::Report;
use super::section::Section;
use crate::policy::{Names, Pattern};

/// Keys of `[[shared_names]]`.
pub(super) const GROUP: &[&str] = &["names"];

/// What is expected of an entry.
pub(super) const EXPECTED: &str = "names such as \"a.example\" or \"*.shop.example\"";

/// A group of names that share a connection on purpose.
pub(super) fn group(section: &Section<'_>, report: &mut Report<'_>) -> Option<Names> {
    let item = section.require("names", EXPECTED, report)?;
    let patterns = item.list(EXPECTED, report, pattern);
    let is_alone = item.value.as_array().is_some_and(|entries| entries.len() == 1);
    if let ([Pattern::Exact(name)], true) = (patterns.as_slice(), is_alone) {
        let message = format!(
            "{:?} alone shares a connection with nobody; expected another name, or \"*.\" in front",
            name.to_string()
        );
        item.wrong(message, report);
    }
    Some(patterns.into_iter().collect())
}

/// A name, or all below one.
pub(super) fn pattern(item: &Item<'_>, report: &mut Report<'_>) -> Option<Pattern> {
    let text = item.text("a name such as \"a.example\"", report)?;
    match text.parse() {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            item.wrong(format!("{} is no name: {error}", quoted(text)), report);
            None
        }
    }
}
