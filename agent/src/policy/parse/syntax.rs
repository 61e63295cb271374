//! Text that is no TOML: what is said of it, and what can be read all the same.

use std::ops::Range;

use toml::de::{DeTable, Error};

use super::item::quoted;
use super::mistake::Report;

/// After these, the parser skips what follows. The line is told and taken out, and the rest read.
const FATAL: [&str; 3] = ["key with no value", "unclosed table,", "unclosed array table,"];
/// A bracket or a brace has no other end: all that follows was taken for a part of it.
const UNCLOSED: [&str; 2] = ["unclosed array,", "unclosed inline table,"];
/// Words of messages on what is in a list or a table in one line.
const OF_LISTS: [&str; 3] = ["array", "inline table", "key-value pairs"];

/// Reports why `text` is no TOML, and gives a text of the same length, with the same places, that can be read further.
pub(super) fn readable(text: &str, errors: Vec<Error>, report: &mut Report<'_>) -> String {
    let mut readable = text.to_owned();
    let is_fatal = |error: &Error| FATAL.iter().any(|fatal| error.message().starts_with(fatal));
    let (fatal, others): (Vec<_>, Vec<_>) = errors.into_iter().partition(is_fatal);
    for error in &fatal {
        let line = report.line_at(error.span().map_or(text.len(), |span| span.start));
        let replacement = replacement(&text[line.clone()], line.start);
        readable.replace_range(line, &replacement);
        report.syntax(error.span(), message(error, report));
    }
    let mut others = if fatal.is_empty() {
        others
    } else {
        DeTable::parse_recoverable(&readable).1
    };
    others.sort_by_key(|error| start(error, text));
    let is_unclosed = |error: &Error| {
        UNCLOSED
            .iter()
            .any(|unclosed| error.message().starts_with(unclosed))
    };
    let is_cut = others.iter().any(is_unclosed);
    for error in others {
        let mut told = message(&error, report);
        let is_end = is_cut && OF_LISTS.iter().any(|word| error.message().contains(word));
        if is_end {
            told.push_str("; or a bracket before this is not closed");
        }
        report.syntax(error.span(), told);
        if is_end {
            readable.truncate(text.floor_char_boundary(start(&error, text)));
            break;
        }
    }
    readable
}

fn start(error: &Error, text: &str) -> usize {
    error.span().map_or(text.len(), |span: Range<usize>| span.start)
}

/// What stands for a line that cannot be read: blanks; for the header of a table, that of one that nobody knows, so
/// that its keys are not taken for those of the table before.
fn replacement(line: &str, offset: usize) -> String {
    let trimmed = line.trim();
    let is_header = trimmed.starts_with('[') || (trimmed.ends_with(']') && !trimmed.contains('='));
    let width = line.len().saturating_sub(2);
    let number = format!("{offset:0width$}");
    if is_header && number.len() == width {
        format!("[{number}]")
    } else {
        " ".repeat(line.len())
    }
}

/// What the parser says, in our words where its own do not help.
fn message(error: &Error, report: &Report<'_>) -> String {
    let found = error.span().map(|span| report.text_at(&span)).unwrap_or_default();
    match error.message() {
        "duplicate key" => format!("{} is there twice", quoted(found)),
        message if message.starts_with("string values must be quoted") => match found {
            "" => "there is no value".to_owned(),
            found => format!(
                "{} is no value; expected a number, true, false, or a text in quotes",
                quoted(found)
            ),
        },
        message => message.to_owned(),
    }
}
