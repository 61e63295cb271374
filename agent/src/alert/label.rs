//! Values of labels: they come from the network, so they are made short and printable.

use std::borrow::Cow;

/// Stands for every label beyond the bound on combinations.
pub const OTHER: &str = "other";
/// Stands for what is not known.
pub(super) const UNKNOWN: &str = "unknown";
/// Characters of a label value; a DNS name has at most 253.
const MAX_CHARACTERS: usize = 255;

/// `value` without control characters, cut where it is longer than a name can be.
pub fn bounded(value: &str) -> Cow<'_, str> {
    if value.len() <= MAX_CHARACTERS && !value.chars().any(char::is_control) {
        return Cow::Borrowed(value);
    }
    let printable = |c: char| {
        if c.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    let mut short: String = value.chars().take(MAX_CHARACTERS).map(printable).collect();
    if value.chars().nth(MAX_CHARACTERS).is_some() {
        short.pop();
        short.push('…');
    }
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_names_become_short_and_printable() {
        assert!(matches!(bounded("a.example"), Cow::Borrowed("a.example")));
        assert_eq!(bounded("a\nb\u{1b}[31m"), "a\u{fffd}b\u{fffd}[31m");
        let long = bounded(&"é".repeat(10_000)).into_owned();
        assert_eq!(long.chars().count(), MAX_CHARACTERS);
        assert!(long.ends_with('…'));
        assert_eq!(bounded(&long), long, "making it short again changes nothing");
    }
}
