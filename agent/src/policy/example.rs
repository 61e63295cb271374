//! A policy file with everything in it, explained.

use std::fmt::Write as _;

use super::{defaults, write};
use crate::verdict::{Class, Verdict};

/// Everything but the rules. Lines that are switched off begin with `#` and no blank.
const TEMPLATE: &str = include_str!("example.toml");
/// Width of a comment.
const WIDTH: usize = 120;

/// The text of a policy file that says what is in force without one, and shows how everything else is said.
pub fn example() -> String {
    let mut text = TEMPLATE.to_owned();
    text.push_str("#\n# Verdicts, by class:\n");
    for class in Class::ALL {
        let verdicts = Verdict::ALL
            .into_iter()
            .filter(|verdict| verdict.class() == class);
        let mut line = format!("#   {:<12}", class.as_str());
        for verdict in verdicts.map(Verdict::as_str) {
            if line.len() + 1 + verdict.len() > WIDTH {
                text.push_str(&line);
                line = format!("\n#   {:<12}", "");
            }
            line.push(' ');
            line.push_str(verdict);
        }
        text.push_str(&line);
        text.push('\n');
    }
    for (purpose, rule) in defaults::explained() {
        text.push('\n');
        for line in purpose.lines() {
            writeln!(text, "# {line}").expect("strings take everything");
        }
        text.push_str(&write::rule(&rule));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::testing::parsed;
    use crate::policy::{Limits, Policy, Windows};

    #[test]
    fn the_example_says_what_is_in_force_without_a_file() {
        assert_eq!(parsed(&example()), Policy::standard());
    }

    #[test]
    fn everything_that_it_shows_is_valid() {
        let shown: Vec<&str> = TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with([' ', '#']) => rest,
                _ => line,
            })
            .collect();
        let policy = parsed(&shown.join("\n"));
        assert_eq!(policy.trusted_gateways.len(), 2);
        assert_eq!(policy.forward_proxies.len(), 1);
        assert_eq!(policy.alternative_services.len(), 1);
        assert_eq!(policy.shared_names.len(), 1);
        assert_eq!(policy.listeners.len(), 2);
        assert_eq!((policy.privacy.ignore.len(), policy.privacy.hash.len()), (1, 1));
        assert!(policy.privacy.key.is_some());
        assert_eq!(
            (policy.limits, policy.windows),
            (Limits::default(), Windows::default())
        );
        assert_eq!(policy.sinks.webhooks.len() + policy.sinks.alertmanagers.len(), 2);
        assert_eq!(policy.sinks.labels["cluster"], "north-1");
    }

    #[test]
    fn it_fits_a_terminal() {
        for line in example().lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }
}
