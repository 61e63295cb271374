//! One combination of a rule's labels: its window, its phase, and an example.

use std::collections::BTreeMap;

use super::change::{Alert, Change};
use super::observation::{Explanation, Observation};
use super::phase::{Phase, Step};
use super::rule::Rule;
use super::window::{Grid, Window};
use super::words;

/// An example is kept for this long before a newer one is put into words, nanoseconds.
const FRESH: u64 = 1_000_000_000;

/// What becomes of one combination.
#[derive(Clone, Debug)]
pub(super) struct Combination {
    /// Values of the labels, in the order in which the rule names them.
    pub(super) values: Box<[Box<str>]>,
    window: Window,
    phase: Phase,
    example: Option<Example>,
    last: u64,
}

/// An exchange in words.
#[derive(Clone, Debug)]
struct Example {
    time: u64,
    explanation: Explanation,
}

/// Where changes go, and what every alert has.
#[derive(Clone, Debug, Default)]
pub(super) struct Teller {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) changes: Vec<Change>,
    pub(super) last_id: u64,
}

impl Combination {
    pub(super) fn new(values: Box<[Box<str>]>) -> Self {
        Self {
            values,
            window: Window::default(),
            phase: Phase::default(),
            example: None,
            last: 0,
        }
    }

    /// Counts an exchange at this time, which must not be before that of an earlier call.
    pub(super) fn observe(
        &mut self,
        rule: &Rule,
        grid: Grid,
        observation: &Observation<'_>,
        now: u64,
        explain: impl FnOnce() -> Explanation,
        teller: &mut Teller,
    ) {
        self.advance(rule, grid, now, teller);
        self.window.add(grid, now, observation.id);
        self.last = observation.id;
        let stale = |example: &Example| now.saturating_sub(example.time) >= FRESH;
        if self.example.as_ref().is_none_or(stale) {
            self.example = Some(Example {
                time: now,
                explanation: explain(),
            });
        }
        if let Some(alert) = self.phase.alert_mut() {
            alert.count = alert.count.saturating_add(1);
            alert.last = observation.id;
        }
        self.settle(rule, now, teller);
    }

    /// Lets time pass until `now`, one event after the other.
    pub(super) fn advance(&mut self, rule: &Rule, grid: Grid, now: u64, teller: &mut Teller) {
        // Each round takes a bucket from the window or ends a wait, so there is a last one.
        loop {
            let events = [self.window.falls_at(grid), self.phase.due(rule)];
            match events.into_iter().flatten().min() {
                Some(event) if event <= now => {
                    self.window.expire(grid, event);
                    self.settle(rule, event, teller);
                }
                _ => return,
            }
        }
    }

    /// Ends its alert, if it fires: nobody asks about it any more.
    pub(super) fn abandon(&mut self, rule: &Rule, now: u64, teller: &mut Teller) {
        if let Phase::Firing(alert) | Phase::Resolving { alert, .. } = std::mem::take(&mut self.phase) {
            self.resolve(rule, *alert, now, words::abandoned(rule, &self.values), teller);
        }
    }

    /// Whether there is nothing to remember of it.
    pub(super) fn is_forgettable(&self) -> bool {
        matches!(self.phase, Phase::Quiet) && self.window.count() == 0
    }

    /// The alert, if it fires.
    pub(super) fn alert(&self) -> Option<&Alert> {
        self.phase.alert()
    }

    fn settle(&mut self, rule: &Rule, now: u64, teller: &mut Teller) {
        loop {
            match std::mem::take(&mut self.phase).step(rule, self.window.count(), now) {
                Step::Go(phase) => self.phase = phase,
                Step::Fire => self.phase = Phase::Firing(Box::new(self.fire(rule, now, teller))),
                Step::Resolve(alert) => {
                    let summary = words::resolved(rule, &self.values, alert.count);
                    self.resolve(rule, *alert, now, summary, teller);
                    return;
                }
                Step::Stay(phase) => {
                    self.phase = phase;
                    return;
                }
            }
        }
    }

    fn fire(&self, rule: &Rule, now: u64, teller: &mut Teller) -> Alert {
        teller.last_id += 1;
        let count = self.window.count();
        let own = rule.per.iter().map(|per| per.as_str().to_owned());
        let mut labels = teller.labels.clone();
        labels.extend(own.zip(self.values.iter().map(|value| String::from(&**value))));
        let alert = Alert {
            id: teller.last_id,
            rule: rule.name.clone(),
            severity: rule.severity,
            labels,
            started_at: now,
            ended_at: None,
            count,
            first: self.window.first().unwrap_or(self.last),
            last: self.last,
            summary: words::fired(rule, &self.values, count),
            description: self.description(),
        };
        teller.changes.push(Change::Fired(alert.clone()));
        alert
    }

    fn resolve(&self, rule: &Rule, alert: Alert, now: u64, summary: String, teller: &mut Teller) {
        debug_assert_eq!(alert.rule, rule.name, "alerts are told by their own rule");
        teller.changes.push(Change::Resolved(Alert {
            ended_at: Some(now),
            summary,
            description: self.description(),
            ..alert
        }));
    }

    fn description(&self) -> String {
        self.example
            .as_ref()
            .map(|example| words::description(&example.explanation))
            .unwrap_or_default()
    }
}
