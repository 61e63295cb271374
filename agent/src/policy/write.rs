//! A policy as the text of its file.

use std::fmt::{Display, Write as _};

use toml::Value;

use super::gateway::Hostname;
use super::{Limits, Names, Party, Policy, Privacy, Sinks, Windows, duration};
use crate::alert::{Per, Rule};
use crate::verdict::{Class, Verdict};

impl Policy {
    /// The text of a file that says this policy. Reading it gives the same policy again, if the policy is one that a
    /// file can say.
    pub fn to_toml(&self) -> String {
        let mut text = Text::default();
        if self.rules.is_empty() {
            // Without the key, the default rules would stand.
            text.list("alert", std::iter::empty::<&str>());
        }
        for gateway in &self.trusted_gateways {
            text.head("[[trusted_gateway]]");
            text.party(gateway);
        }
        for proxy in &self.forward_proxies {
            text.head("[[forward_proxy]]");
            text.party(proxy);
        }
        for service in &self.alternative_services {
            text.head("[[alternative_service]]");
            text.party(&service.server);
            if !service.names.is_empty() {
                text.names("names", &service.names);
            }
        }
        for group in &self.shared_names {
            text.head("[[shared_names]]");
            text.names("names", group);
        }
        for listener in &self.listeners {
            text.head("[[listener]]");
            text.text("name", &listener.name);
            text.line("port", listener.port);
            match &listener.hostname {
                Hostname::Any => {}
                Hostname::Below(parent) => text.text("hostname", &format!("*.{parent}")),
                Hostname::Exact(name) => text.text("hostname", name),
            }
        }
        text.privacy(&self.privacy);
        text.limits(self.limits);
        text.windows(self.windows);
        for each in &self.rules {
            text.head("[[alert]]");
            text.rule(each);
        }
        text.sinks(&self.sinks);
        text.0
    }
}

/// The text of a rule in a file, its header included.
pub(super) fn rule(rule: &Rule) -> String {
    let mut text = Text::default();
    text.head("[[alert]]");
    text.rule(rule);
    text.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, head: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(head);
        self.0.push('\n');
    }

    fn line(&mut self, key: &str, value: impl Display) {
        writeln!(self.0, "{key} = {value}").expect("strings take everything");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.line(key, quoted(value));
    }

    fn list<T: ToString>(&mut self, key: &str, values: impl Iterator<Item = T>) {
        let values: Vec<String> = values.map(|value| quoted(&value.to_string())).collect();
        self.line(key, format_args!("[{}]", values.join(", ")));
    }

    fn names(&mut self, key: &str, names: &Names) {
        self.list(key, names.patterns().iter());
    }

    fn party(&mut self, party: &Party) {
        if !party.networks.is_empty() {
            self.list("networks", party.networks.iter());
        }
        if let Some(port) = party.port {
            self.line("port", port);
        }
        if let Some(process) = &party.process {
            self.text("process", process);
        }
        if let Some(workload) = &party.workload {
            self.text("workload", workload);
        }
    }

    fn privacy(&mut self, privacy: &Privacy) {
        self.head("[privacy]");
        self.names("ignore", &privacy.ignore);
        self.names("hash", &privacy.hash);
        if let Some(key) = &privacy.key {
            self.text("key_file", &key.file().to_string_lossy());
        }
    }

    fn limits(&mut self, limits: Limits) {
        self.head("[limits]");
        self.line("metric_names", limits.metric_names);
        self.line("alerts_per_rule", limits.alerts_per_rule);
        self.line("listeners", limits.listeners);
        self.line("names_per_listener", limits.names_per_listener);
    }

    fn windows(&mut self, windows: Windows) {
        self.head("[windows]");
        self.text("retry", &duration::text(windows.retry));
        self.text("ping_pong", &duration::text(windows.ping_pong));
        self.text("listener", &duration::text(windows.listener));
    }

    fn rule(&mut self, rule: &Rule) {
        self.text("name", &rule.name);
        let matches = &rule.matches;
        if !matches.verdicts.is_empty() {
            self.list("verdicts", matches.verdicts.iter().copied().map(Verdict::as_str));
        }
        if !matches.classes.is_empty() {
            self.list("classes", matches.classes.iter().copied().map(Class::as_str));
        }
        if let Some(role) = matches.role {
            self.text("role", role.as_str());
        }
        self.line("threshold", rule.threshold);
        self.text("window", &duration::text(rule.window));
        self.list("per", rule.per.iter().copied().map(Per::as_str));
        self.text("for", &duration::text(rule.hold));
        self.text("severity", rule.severity.as_str());
        self.line("resolve_below", rule.resolve_below);
        self.text("resolve_after", &duration::text(rule.resolve_after));
    }

    fn sinks(&mut self, sinks: &Sinks) {
        self.head("[notify]");
        self.line("log", sinks.log);
        self.line("journal", sinks.journal);
        self.list("webhooks", sinks.webhooks.iter());
        self.list("alertmanagers", sinks.alertmanagers.iter());
        if !sinks.labels.is_empty() {
            self.head("[notify.labels]");
            for (name, value) in &sinks.labels {
                self.text(name, value);
            }
        }
    }
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}
