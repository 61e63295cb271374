//! Rules of alerts.

use std::collections::HashMap;
use std::time::Duration;

use super::item::{Item, quoted};
use super::mistake::Report;
use super::section::Section;
use crate::alert::{Matches, Per, Rule, Severity};
use crate::connection::Role;
use crate::policy::defaults;
use crate::verdict::{Class, Verdict};

/// Keys of `[[alert]]`.
pub(super) const KEYS: &[&str] = &[
    "name",
    "verdicts",
    "classes",
    "role",
    "threshold",
    "window",
    "per",
    "for",
    "severity",
    "resolve_below",
    "resolve_after",
];

/// A name has at most so many characters: it is a label.
const LONGEST_NAME: usize = 100;
/// No threshold is higher.
const HIGHEST: u64 = 1_000_000_000;
/// No window, and no waiting, is longer.
const LONGEST: Duration = Duration::from_hours(7 * 24);

const NAME: &str = "a name of at most 100 characters, unique in this file";

/// All rules. No two have one name.
pub(super) fn rules(sections: &[Section<'_>], report: &mut Report<'_>) -> Vec<Rule> {
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut rules = Vec::new();
    for section in sections {
        let name = section
            .require("name", NAME, report)
            .and_then(|item| name(&item, &mut names, report));
        rules.push(rule(section, name.unwrap_or_default(), report));
    }
    rules
}

fn name(item: &Item<'_>, names: &mut HashMap<String, usize>, report: &mut Report<'_>) -> Option<String> {
    let name = item.filled_text(NAME, report)?;
    if name.chars().count() > LONGEST_NAME {
        item.unexpected(NAME, report);
        return None;
    }
    let line = report.line(item.span.start);
    if let Some(first) = names.insert(name.clone(), line) {
        item.wrong(
            format!("{} is the alert in line {first}, too", quoted(&name)),
            report,
        );
    }
    Some(name)
}

fn rule(section: &Section<'_>, name: String, report: &mut Report<'_>) -> Rule {
    let matches = matches(section, report);
    let threshold = section
        .find("threshold")
        .and_then(|item| item.number(1..=HIGHEST, report));
    let threshold = threshold.unwrap_or(defaults::THRESHOLD);
    let duration = |name: &str, shortest: Duration, default: Duration, report: &mut Report<'_>| {
        let item = section.find(name);
        let duration = item.and_then(|item| item.duration(shortest..=LONGEST, report));
        duration.unwrap_or(default)
    };
    let second = Duration::from_secs(1);
    Rule {
        name,
        matches,
        threshold,
        window: duration("window", second, defaults::WINDOW, report),
        per: section.find("per").map_or_else(Vec::new, |item| {
            let expected = "labels such as \"server\"";
            item.set(expected, report, |item, report| {
                item.choice("such label", &Per::ALL, Per::as_str, report)
            })
        }),
        hold: duration("for", Duration::ZERO, Duration::ZERO, report),
        severity: section
            .find("severity")
            .and_then(|item| item.choice("severity", &Severity::ALL, Severity::as_str, report))
            .unwrap_or(defaults::SEVERITY),
        resolve_below: resolve_below(section, threshold, report),
        resolve_after: duration("resolve_after", Duration::ZERO, Duration::ZERO, report),
    }
}

fn resolve_below(section: &Section<'_>, threshold: u64, report: &mut Report<'_>) -> u64 {
    let Some(item) = section.find("resolve_below") else {
        return threshold;
    };
    let Some(below) = item.number(1..=HIGHEST, report) else {
        return threshold;
    };
    if below > threshold && !section.misspells(&["threshold"]) {
        let message = format!(
            "{below} is above the threshold, so the alert would end while it should fire; expected 1 to {threshold}"
        );
        item.wrong(message, report);
    }
    below
}

fn matches(section: &Section<'_>, report: &mut Report<'_>) -> Matches {
    let verdicts = section.find("verdicts");
    let classes = section.find("classes");
    if verdicts.is_none() && classes.is_none() {
        let message = "it counts every exchange; expected verdicts or classes".to_owned();
        section.lacks(&["verdicts", "classes"], message, report);
    }
    let role = section.find("role");
    let role = role.and_then(|item| item.choice("role", &Role::ALL, Role::as_str, report));
    let listed = classes
        .as_ref()
        .and_then(|item| item.value.as_array())
        .map_or(0, |list| list.len());
    let classes = classes.map_or_else(Vec::new, |item| {
        item.list("names of classes", report, |item, report| {
            item.choice("class", &Class::ALL, Class::as_str, report)
        })
    });
    // Where one is misspelt, it may be the one.
    let any_counts = classes.is_empty() || classes.len() < listed;
    let counts = |verdict: Verdict| any_counts || classes.contains(&verdict.class());
    let verdicts = verdicts.map_or_else(Vec::new, |item| {
        item.list("names of verdicts", report, |item, report| {
            let verdict = verdict(item, report)?;
            if !counts(verdict) {
                let class = verdict.class();
                let message = format!(
                    "\"{verdict}\" is of class \"{class}\", which classes leaves out: it never counts"
                );
                item.wrong(message, report);
            }
            Some(verdict)
        })
    });
    Matches {
        verdicts,
        classes,
        role,
    }
}

fn verdict(item: &Item<'_>, report: &mut Report<'_>) -> Option<Verdict> {
    let text = item.value.as_str().unwrap_or_default();
    let is_verdict = text.parse::<Verdict>().is_ok();
    if !is_verdict && Class::ALL.iter().any(|class| class.as_str() == text) {
        item.wrong(format!("{text:?} is a class; list it under classes"), report);
        return None;
    }
    item.choice("verdict", &Verdict::ALL, Verdict::as_str, report)
}
