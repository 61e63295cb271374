//! What an alert says, for the person who is called.

use std::fmt::Write as _;
use std::time::Duration;

use super::observation::Explanation;
use super::rule::Rule;

/// `12 exchanges within 10 minutes fit rule wrong-421 (server apache2).`
pub(super) fn fired(rule: &Rule, values: &[Box<str>], count: u64) -> String {
    let (noun, verb) = if count == 1 {
        ("exchange", "fits")
    } else {
        ("exchanges", "fit")
    };
    format!(
        "{count} {noun} within {} {verb} rule {}{}.",
        spoken(rule.window),
        rule.name,
        combination(rule, values)
    )
}

/// What ended, and how much it was in all.
pub(super) fn resolved(rule: &Rule, values: &[Box<str>], count: u64) -> String {
    let below = rule.resolve_below.max(1);
    let (few, verb) = if below == 1 {
        ("no exchange".to_owned(), "fits")
    } else {
        (format!("fewer than {below} exchanges"), "fit")
    };
    format!(
        "Over: {few} within {} {verb} rule {}{}; it was {count} in all.",
        spoken(rule.window),
        rule.name,
        combination(rule, values)
    )
}

/// Why it ended, when it was not for want of exchanges.
pub(super) fn abandoned(rule: &Rule, values: &[Box<str>]) -> String {
    format!(
        "Over: rule {} was changed or removed{}.",
        rule.name,
        combination(rule, values)
    )
}

/// Diagnosis and remedy.
pub(super) fn description(explanation: &Explanation) -> String {
    format!("{} Remedy: {}", explanation.diagnosis, explanation.remedy)
}

/// The labels that tell this combination apart, in parentheses.
fn combination(rule: &Rule, values: &[Box<str>]) -> String {
    let mut text = String::new();
    for (per, value) in rule.per.iter().zip(values) {
        let start = if text.is_empty() { " (" } else { ", " };
        let _ = write!(text, "{start}{} {value}", per.as_str());
    }
    if !text.is_empty() {
        text.push(')');
    }
    text
}

/// A duration in its largest unit that divides it.
fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let fits = |(length, _): &(u64, &str)| seconds >= *length && seconds.is_multiple_of(*length);
    match units.into_iter().find(fits) {
        Some((length, unit)) if duration.subsec_nanos() == 0 => {
            let number = seconds / length;
            let plural = if number == 1 { "" } else { "s" };
            format!("{number} {unit}{plural}")
        }
        _ => format!("{duration:?}"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::rule::{Matches, Per, Severity};
    use super::*;

    fn rule(per: &[Per], resolve_below: u64) -> Rule {
        Rule {
            name: "wrong-421".to_owned(),
            matches: Matches::default(),
            threshold: 5,
            window: Duration::from_mins(10),
            per: per.to_vec(),
            hold: Duration::ZERO,
            severity: Severity::Warning,
            resolve_below,
            resolve_after: Duration::ZERO,
        }
    }

    #[rstest]
    #[case::plain(&[], &[], 1, "1 exchange within 10 minutes fits rule wrong-421.")]
    #[case::labels(
        &[Per::Sni, Per::Server],
        &["a.example", "nginx"],
        12,
        "12 exchanges within 10 minutes fit rule wrong-421 (sni a.example, server nginx)."
    )]
    fn a_firing_alert_is_one_sentence(
        #[case] per: &[Per],
        #[case] values: &[&str],
        #[case] count: u64,
        #[case] expected: &str,
    ) {
        let values: Vec<Box<str>> = values.iter().map(|value| (*value).into()).collect();
        assert_eq!(fired(&rule(per, 1), &values, count), expected);
    }

    #[test]
    fn the_end_says_what_is_no_more() {
        assert_eq!(
            resolved(&rule(&[Per::Server], 3), &["nginx".into()], 40),
            "Over: fewer than 3 exchanges within 10 minutes fit rule wrong-421 (server nginx); it was 40 in all."
        );
        assert_eq!(
            resolved(&rule(&[], 1), &[], 7),
            "Over: no exchange within 10 minutes fits rule wrong-421; it was 7 in all."
        );
    }

    #[rstest]
    #[case(Duration::from_secs(1), "1 second")]
    #[case(Duration::from_secs(90), "90 seconds")]
    #[case(Duration::from_hours(1), "1 hour")]
    #[case(Duration::from_hours(48), "2 days")]
    #[case(Duration::from_millis(1500), "1.5s")]
    fn durations_are_spoken(#[case] duration: Duration, #[case] expected: &str) {
        assert_eq!(spoken(duration), expected);
    }
}
