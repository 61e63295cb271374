//! The story of one exchange, for a person or for a ticket.

use crate::cli::table::printable;
use crate::export::view::{Configuration, Explanation, Fact, Moment};

/// Characters of a line.
const WIDTH: usize = 110;

/// An explanation as lines.
pub(super) fn lines(explanation: &Explanation) -> Vec<String> {
    let exchange = &explanation.exchange;
    let mut lines = vec![format!(
        "Exchange {}: {} ({}, confidence {})",
        exchange.id,
        printable(&exchange.verdict),
        printable(&exchange.class),
        printable(&exchange.confidence)
    )];
    lines.push(String::new());
    lines.push("What happened".to_owned());
    for moment in &explanation.timeline {
        lines.extend(wrapped(&self::moment(moment), "  ", "                "));
    }
    if let Some(outcome) = &exchange.outcome {
        lines.push(format!("  Outcome: {}", printable(outcome)));
    }
    lines.push(String::new());
    lines.push("Diagnosis".to_owned());
    lines.extend(wrapped(&printable(&exchange.diagnosis), "  ", "  "));
    lines.push(String::new());
    lines.push("Remedy".to_owned());
    lines.extend(wrapped(&printable(&exchange.remedy), "  ", "  "));
    for configuration in &explanation.configuration {
        lines.push(String::new());
        lines.extend(self::configuration(configuration));
    }
    lines.push(String::new());
    lines.push("Why this verdict".to_owned());
    match &explanation.rule {
        Some(rule) => {
            let text = format!("Rule {}: {}.", rule.row, printable(&rule.when));
            lines.extend(wrapped(&text, "  ", "  "));
            lines.push(format!("  It rests on {}.", printable(&rule.basis)));
        }
        None => lines.push("  The verdict is of another version of Wrongway.".to_owned()),
    }
    lines.push(String::new());
    lines.push("Facts, and how each was learned".to_owned());
    lines.extend(explanation.facts.iter().map(fact));
    lines
}

fn moment(moment: &Moment) -> String {
    let time = moment.time.as_deref().and_then(|time| time.get(11..23));
    let what = printable(&moment.what);
    let id = moment.exchange.map(|id| format!("#{id} ")).unwrap_or_default();
    format!("{:12}  {id}{what}", time.unwrap_or(""))
}

fn configuration(configuration: &Configuration) -> Vec<String> {
    let head = format!(
        "In {} (the {}), {}:",
        printable(&configuration.program),
        printable(&configuration.side),
        printable(&configuration.note)
    );
    let mut lines = wrapped(&head, "  ", "  ");
    lines.extend(
        configuration
            .lines
            .iter()
            .map(|line| format!("      {}", printable(line))),
    );
    lines
}

fn fact(fact: &Fact) -> String {
    let value = fact.value.as_deref().map_or_else(|| "?".to_owned(), printable);
    let provenance = match &fact.provenance {
        Some(provenance) => format!("  [{}]", printable(provenance)),
        None => String::new(),
    };
    format!("  {:26}{value}{provenance}", printable(&fact.name))
}

/// `text` in lines of bounded width, broken between words.
fn wrapped(text: &str, first: &str, other: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_inclusive(' ') {
        if !empty && line.chars().count() + word.trim_end().chars().count() > WIDTH {
            lines.push(line.trim_end().to_owned());
            other.clone_into(&mut line);
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line.trim_end().to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_broken_between_words_and_nothing_is_lost() {
        let text = "one two three ".repeat(40);
        let lines = wrapped(text.trim_end(), "  ", "    ");
        assert!(
            lines.iter().all(|line| line.chars().count() <= WIDTH),
            "{lines:?}"
        );
        assert!(
            lines[0].starts_with("  one") && lines[1].starts_with("    "),
            "{lines:?}"
        );
        let words: Vec<_> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
        assert_eq!(words.len(), 120);
    }

    #[test]
    fn a_word_longer_than_a_line_is_not_broken() {
        let word = "x".repeat(300);
        assert_eq!(wrapped(&word, "  ", "  "), [format!("  {word}")]);
    }
}
