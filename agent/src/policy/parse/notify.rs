//! Whom to tell of alerts.

use std::collections::BTreeMap;

use http::Uri;

use super::item::Item;
use super::mistake::Report;
use super::section::Section;
use crate::alert::Per;
use crate::policy::Sinks;

/// An alert has at most so many labels from the policy.
const MOST_LABELS: usize = 32;
/// Labels that an alert has anyway, beside those that it is told apart by.
const OWN_LABELS: [&str; 2] = ["alertname", "severity"];

const URLS: &str = "URLs such as \"https://hooks.example/alerts\"";

/// `[notify]`.
pub(super) fn sinks(file: &Section<'_>, report: &mut Report<'_>) -> Sinks {
    let mut sinks = Sinks::default();
    let known = ["log", "journal", "webhooks", "alertmanagers", "labels"];
    let Some(section) = file.table("notify", &known, report) else {
        return sinks;
    };
    if let Some(log) = section.find("log").and_then(|item| item.flag(report)) {
        sinks.log = log;
    }
    if let Some(journal) = section.find("journal").and_then(|item| item.flag(report)) {
        sinks.journal = journal;
    }
    if let Some(item) = section.find("webhooks") {
        sinks.webhooks = item.set(URLS, report, url);
    }
    if let Some(item) = section.find("alertmanagers") {
        sinks.alertmanagers = item.set(URLS, report, alertmanager);
    }
    if let Some(item) = section.find("labels") {
        sinks.labels = labels(&item, report);
    }
    sinks
}

/// The URL is not repeated in a mistake: it may be a secret, and mistakes are logged.
fn url(item: &Item<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = item.text("a URL", report)?;
    match fault(text) {
        None => Some(text.to_owned()),
        Some(fault) => {
            let message = format!("the URL {fault}; expected http:// or https://, a host, and a path");
            item.wrong(message, report);
            None
        }
    }
}

/// Why `text` is no URL that can be called.
fn fault(text: &str) -> Option<&'static str> {
    let Ok(uri) = text.parse::<Uri>() else {
        return Some("cannot be read");
    };
    let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
        return Some("has no host");
    };
    match uri.scheme_str() {
        Some("http" | "https") => {}
        Some(_) => return Some("has another scheme"),
        None => return Some("has no scheme"),
    }
    if authority.as_str().contains('@') {
        return Some("has a user name, which would not be sent");
    }
    if text.contains('#') {
        return Some("has a fragment, which would not be sent");
    }
    None
}

/// The URL under which an Alertmanager has its API, without the slash at its end.
fn alertmanager(item: &Item<'_>, report: &mut Report<'_>) -> Option<String> {
    let url = url(item, report)?;
    let base = url.trim_end_matches('/');
    if base.contains('?') {
        item.wrong(
            "the URL has a query; expected the base URL of an Alertmanager".to_owned(),
            report,
        );
        return None;
    }
    if base.ends_with("/api/v2/alerts") || base.ends_with("/api/v2") {
        let message =
            "the URL ends with a path that is added to it; expected what stands before /api".to_owned();
        item.wrong(message, report);
        return None;
    }
    Some(base.to_owned())
}

fn labels(table: &Item<'_>, report: &mut Report<'_>) -> BTreeMap<String, String> {
    let entries = Section::entries(table, report);
    if entries.len() > MOST_LABELS {
        table.wrong(
            format!("found {} labels; expected at most {MOST_LABELS}", entries.len()),
            report,
        );
    }
    let mut labels = BTreeMap::new();
    for (name, span, value) in entries.into_iter().take(MOST_LABELS) {
        if OWN_LABELS.contains(&name) || Per::ALL.iter().any(|per| per.as_str() == name) {
            let message = format!("{name:?} is a label that alerts have anyway; expected another name");
            report.wrong(&value.key, span, message);
        } else if !is_label(name) {
            let message =
                "no such label can be; expected letters, digits and \"_\", no digit in front".to_owned();
            report.wrong(&value.key, span, message);
        } else if let Some(value) = value.filled_text("a text", report) {
            labels.insert(name.to_owned(), value);
        }
    }
    labels
}

/// Whether Prometheus takes `name` as the name of a label. `__` in front is for its own use.
fn is_label(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
        && !name.starts_with("__")
}
