//! The Prometheus alert rules, tested by Prometheus' own `promtool`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{directory, tool};

/// Checks the alert rules, runs their unit tests, and makes sure that every alert has one case in which it fires
/// and one in which it does not.
///
/// # Errors
/// `promtool` is missing, a rule or a test is wrong, or an alert lacks a case: the error says which.
pub(crate) fn test_rules() -> Result<()> {
    let alerts = directory().join("alerts");
    promtool(&alerts, &["check", "rules", RULES])?;
    promtool(&alerts, &["test", "rules", TESTS])?;
    let untested = untested(&read(&alerts.join(RULES))?, &read(&alerts.join(TESTS))?)?;
    ensure!(
        untested.is_empty(),
        "alerts without a case in {TESTS}: {}",
        untested.join(", ")
    );
    Ok(())
}

const RULES: &str = "wrongway.rules.yaml";
const TESTS: &str = "wrongway.rules.test.yaml";

fn promtool(directory: &Path, arguments: &[&str]) -> Result<()> {
    tool::output(Command::new("promtool").current_dir(directory).args(arguments)).map(drop)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<RuleGroup>,
}

#[derive(Deserialize)]
struct RuleGroup {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    /// Absent in a recording rule.
    alert: Option<String>,
}

#[derive(Deserialize)]
struct TestFile {
    tests: Vec<TestGroup>,
}

#[derive(Deserialize)]
struct TestGroup {
    #[serde(default)]
    alert_rule_test: Vec<AlertTest>,
}

#[derive(Deserialize)]
struct AlertTest {
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<serde_json::Value>,
}

/// Alerts of `rules` that `tests` does not show both firing and silent, each with what is missing.
fn untested(rules: &str, tests: &str) -> Result<Vec<String>> {
    let rules: RuleFile = serde_saphyr::from_str(rules).context("rule file")?;
    let tests: TestFile = serde_saphyr::from_str(tests).context("test file")?;
    let mut shown: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for test in tests.tests.into_iter().flat_map(|group| group.alert_rule_test) {
        shown
            .entry(test.alertname)
            .or_default()
            .insert(!test.exp_alerts.is_empty());
    }
    let alerts = rules
        .groups
        .into_iter()
        .flat_map(|group| group.rules)
        .filter_map(|rule| rule.alert);
    let mut missing = Vec::new();
    for alert in alerts {
        let cases = shown.remove(&alert).unwrap_or_default();
        for (fires, word) in [(true, "fires"), (false, "stays silent")] {
            if !cases.contains(&fires) {
                missing.push(format!("{alert} (never {word})"));
            }
        }
    }
    missing.extend(
        shown
            .into_keys()
            .map(|alert| format!("{alert} (tested, but no such alert)")),
    );
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "groups: [{rules: [{record: r, expr: x}, {alert: A, expr: x}]}]";

    #[test]
    fn an_alert_with_both_cases_is_tested() {
        let tests = "tests: [{alert_rule_test: [{alertname: A}, {alertname: A, exp_alerts: [{}]}]}, {}]";
        assert!(untested(RULES, tests).unwrap().is_empty());
    }

    #[test]
    fn a_case_that_is_missing_is_named() {
        let silent = "tests: [{alert_rule_test: [{alertname: A, exp_alerts: []}]}]";
        assert_eq!(untested(RULES, silent).unwrap(), ["A (never fires)"]);
        assert_eq!(
            untested(RULES, "tests: []").unwrap(),
            ["A (never fires)", "A (never stays silent)"]
        );
    }

    #[test]
    fn a_test_of_an_alert_that_is_gone_is_named() {
        let tests =
            "tests: [{alert_rule_test: [{alertname: A}, {alertname: A, exp_alerts: [{}]}, {alertname: B}]}]";
        assert_eq!(untested(RULES, tests).unwrap(), ["B (tested, but no such alert)"]);
    }
}
