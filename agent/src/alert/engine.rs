//! All rules together: which of them an exchange concerns, and what changes.

use std::collections::BTreeMap;

use super::change::{Alert, Change};
use super::combination::Teller;
use super::observation::{Explanation, Observation};
use super::rule::Rule;
use super::watch::Watch;
use crate::verdict::Verdict;

/// Rules at work.
///
/// Times are nanoseconds since the Unix epoch. One that is before the latest counts as the latest: give it a clock
/// that is not set back.
#[derive(Clone, Debug)]
pub struct Engine {
    watches: Vec<Watch>,
    /// Which of them an exchange may concern, by its verdict.
    by_verdict: [Vec<usize>; Verdict::ALL.len()],
    /// Combinations that each rule tells apart.
    limit: usize,
    now: u64,
    teller: Teller,
}

impl Engine {
    /// An engine that has seen nothing. Each rule tells at most `limit` combinations of its labels apart, at least 1;
    /// further ones are counted together. Every alert has `labels` beside those of its rule, which prevail.
    pub fn new(rules: &[Rule], limit: usize, labels: BTreeMap<String, String>) -> Self {
        let mut engine = Self {
            watches: Vec::new(),
            by_verdict: [const { Vec::new() }; Verdict::ALL.len()],
            limit: 1,
            now: 0,
            teller: Teller::default(),
        };
        engine.replace_rules(rules, limit, labels);
        engine
    }

    /// Whether any rule may concern an exchange of this verdict. Cheap: to be asked before an [`Observation`] is made.
    pub fn concerns(&self, verdict: Verdict) -> bool {
        !self.by_verdict[verdict as usize].is_empty()
    }

    /// Counts an exchange that came at this time. It is put into words only now and then.
    pub fn observe(&mut self, observation: &Observation<'_>, time: u64, explain: impl Fn() -> Explanation) {
        self.now = self.now.max(time);
        for index in &self.by_verdict[observation.verdict as usize] {
            let watch = &mut self.watches[*index];
            if watch.rule.matches.counts(observation) {
                watch.observe(observation, self.now, self.limit, &explain, &mut self.teller);
            }
        }
    }

    /// Lets time pass until `time`, and returns what changed since the last call, in the order in which it happened.
    /// To be called every second or so.
    pub fn tick(&mut self, time: u64) -> Vec<Change> {
        self.now = self.now.max(time);
        for watch in &mut self.watches {
            watch.advance(self.now, &mut self.teller);
        }
        let mut changes = std::mem::take(&mut self.teller.changes);
        changes.sort_by_key(Change::time);
        changes
    }

    /// Alerts that fire, those of one rule together.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.watches.iter().flat_map(Watch::firing)
    }

    /// Works by other rules from now on. What is known for a rule that stays as it is, is kept; alerts of others end.
    /// Labels are those of alerts that fire from now on.
    pub fn replace_rules(&mut self, rules: &[Rule], limit: usize, labels: BTreeMap<String, String>) {
        let mut before = std::mem::take(&mut self.watches);
        self.watches = rules
            .iter()
            .map(|rule| match before.iter().position(|watch| watch.rule == *rule) {
                Some(index) => before.swap_remove(index),
                None => Watch::new(rule.clone()),
            })
            .collect();
        for watch in before {
            watch.abandon(self.now, &mut self.teller);
        }
        self.by_verdict = Verdict::ALL.map(|verdict| {
            let watches = self.watches.iter().enumerate();
            watches
                .filter(|(_, watch)| concerns(&watch.rule, verdict))
                .map(|(index, _)| index)
                .collect()
        });
        self.limit = limit.max(1);
        self.teller.labels = labels;
    }
}

fn concerns(rule: &Rule, verdict: Verdict) -> bool {
    let matches = &rule.matches;
    (matches.verdicts.is_empty() || matches.verdicts.contains(&verdict))
        && (matches.classes.is_empty() || matches.classes.contains(&verdict.class()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::super::{Matches, OTHER, Per, Severity};
    use super::*;
    use crate::connection::Role;
    use crate::verdict::Class;

    const SECOND: u64 = 1_000_000_000;

    fn rule(name: &str, per: &[Per]) -> Rule {
        Rule {
            name: name.to_owned(),
            matches: Matches::default(),
            threshold: 2,
            window: Duration::from_mins(1),
            per: per.to_vec(),
            hold: Duration::ZERO,
            severity: Severity::Warning,
            resolve_below: 1,
            resolve_after: Duration::ZERO,
        }
    }

    fn engine(rules: &[Rule], limit: usize) -> Engine {
        Engine::new(rules, limit, BTreeMap::new())
    }

    fn observation(id: u64, sni: &str) -> Observation<'_> {
        Observation {
            id,
            verdict: Verdict::False421,
            role: Role::Server,
            both_ends: false,
            sni: Some(sni),
            authority: None,
            server: Some("nginx"),
            client: None,
        }
    }

    fn explanation() -> Explanation {
        Explanation {
            diagnosis: "It was declined.".to_owned(),
            remedy: "Do not.".to_owned(),
        }
    }

    #[test]
    fn an_alert_says_what_it_is_about() {
        let labels = [("cluster", "one"), ("sni", "overridden")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let rule = Rule {
            severity: Severity::Critical,
            ..rule("wrong", &[Per::Sni, Per::Authority])
        };
        let mut engine = Engine::new(&[rule], 10, labels.into());
        for id in [7, 8] {
            engine.observe(&observation(id, "a.example"), id * SECOND, explanation);
        }
        let changes = engine.tick(9 * SECOND);
        let [Change::Fired(alert)] = &changes[..] else {
            panic!("{changes:?}");
        };
        let labels: Vec<_> = alert
            .labels
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(
            labels,
            [("authority", "unknown"), ("cluster", "one"), ("sni", "a.example")]
        );
        assert_eq!((alert.first, alert.last, alert.count), (7, 8, 2));
        assert_eq!((alert.started_at, alert.ended_at), (8 * SECOND, None));
        assert_eq!(alert.description, "It was declined. Remedy: Do not.");
        assert!(alert.summary.contains("sni a.example"), "{}", alert.summary);
        engine.observe(&observation(9, "a.example"), 10 * SECOND, explanation);
        assert_eq!(engine.firing().next().map(|alert| alert.count), Some(3));
        let changes = engine.tick(1000 * SECOND);
        let [Change::Resolved(alert)] = &changes[..] else {
            panic!("{changes:?}");
        };
        assert_eq!((alert.first, alert.last, alert.count), (7, 9, 3));
        assert_eq!(alert.ended_at, Some(71 * SECOND), "when the last left the window");
        assert_eq!(engine.firing().count(), 0);
    }

    #[rstest]
    #[case::all(Matches::default(), true)]
    #[case::verdict(Matches { verdicts: vec![Verdict::False421], ..Matches::default() }, true)]
    #[case::other_verdict(Matches { verdicts: vec![Verdict::Ok], ..Matches::default() }, false)]
    #[case::class(Matches { classes: vec![Class::Watch, Class::Wrong421], ..Matches::default() }, true)]
    #[case::other_class(Matches { classes: vec![Class::Fine], ..Matches::default() }, false)]
    #[case::role(Matches { role: Some(Role::Server), ..Matches::default() }, true)]
    #[case::other_role(Matches { role: Some(Role::Client), ..Matches::default() }, false)]
    #[case::verdict_of_another_class(
        Matches { verdicts: vec![Verdict::False421], classes: vec![Class::Fine], role: None },
        false
    )]
    fn a_rule_counts_what_fits_every_part(#[case] matches: Matches, #[case] counted: bool) {
        let rule = Rule {
            matches,
            threshold: 1,
            ..rule("r", &[])
        };
        let mut engine = engine(&[rule], 10);
        engine.observe(&observation(1, "a.example"), SECOND, explanation);
        assert_eq!(engine.tick(SECOND).len(), usize::from(counted));
    }

    #[test]
    fn an_exchange_that_is_seen_from_both_ends_counts_once() {
        let any = Rule {
            threshold: 1,
            ..rule("any", &[])
        };
        let clients = Rule {
            matches: Matches {
                role: Some(Role::Client),
                ..Matches::default()
            },
            ..Rule {
                name: "clients".to_owned(),
                ..any.clone()
            }
        };
        let mut engine = engine(&[any, clients], 10);
        for role in Role::ALL {
            let end = Observation {
                role,
                both_ends: true,
                ..observation(1, "a.example")
            };
            engine.observe(&end, SECOND, explanation);
        }
        let alone = Observation {
            role: Role::Client,
            ..observation(2, "a.example")
        };
        engine.observe(&alone, SECOND, explanation);
        engine.tick(SECOND);
        let counts: Vec<_> = engine
            .firing()
            .map(|alert| (alert.rule.as_str(), alert.count))
            .collect();
        assert_eq!(counts, [("any", 2), ("clients", 2)]);
    }

    #[test]
    fn no_rule_no_concern() {
        let rule = Rule {
            matches: Matches {
                classes: vec![Class::Wrong421],
                ..Matches::default()
            },
            ..rule("r", &[])
        };
        let engine = engine(&[rule], 10);
        assert!(engine.concerns(Verdict::False421));
        assert!(!engine.concerns(Verdict::Ok));
        assert!(!self::engine(&[], 10).concerns(Verdict::False421));
    }

    #[test]
    fn combinations_beyond_the_bound_are_counted_together_and_quiet_ones_make_room() {
        let mut engine = engine(&[rule("r", &[Per::Sni])], 2);
        for id in 0..100 {
            engine.observe(&observation(id, &format!("{id}.example")), id * 1000, explanation);
        }
        assert_eq!(engine.watches[0].len(), 2);
        let changes = engine.tick(SECOND);
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!(changes[0].alert().labels["sni"], OTHER);
        assert_eq!(engine.firing().map(|alert| alert.count).sum::<u64>(), 98);
        assert_eq!(engine.tick(100 * SECOND).len(), 1, "the others' alert ends");
        assert_eq!(engine.watches[0].len(), 0);
        for id in [1, 2] {
            engine.observe(&observation(id, "new.example"), 101 * SECOND, explanation);
        }
        assert_eq!(engine.tick(102 * SECOND)[0].alert().labels["sni"], "new.example");
    }

    #[test]
    fn an_alert_outlives_the_reload_of_an_unchanged_rule_and_ends_with_its_rule() {
        let rules = [rule("kept", &[]), rule("changed", &[]), rule("removed", &[])];
        let mut engine = engine(&rules, 10);
        for id in [1, 2] {
            engine.observe(&observation(id, "a.example"), id * SECOND, explanation);
        }
        assert_eq!(engine.tick(2 * SECOND).len(), 3);
        let stricter = Rule {
            threshold: 3,
            ..rule("changed", &[])
        };
        engine.replace_rules(&[stricter, rule("kept", &[])], 10, BTreeMap::new());
        let changes = engine.tick(3 * SECOND);
        let mut ended: Vec<_> = changes
            .iter()
            .map(|change| (change.state(), &*change.alert().rule))
            .collect();
        ended.sort_unstable();
        assert_eq!(ended, [("resolved", "changed"), ("resolved", "removed")]);
        assert_eq!(
            engine.firing().map(|alert| &*alert.rule).collect::<Vec<_>>(),
            ["kept"]
        );
        engine.observe(&observation(3, "a.example"), 4 * SECOND, explanation);
        assert_eq!(engine.firing().next().map(|alert| alert.count), Some(3));
    }

    #[test]
    fn a_clock_that_is_set_back_does_no_harm() {
        let mut engine = engine(&[rule("r", &[])], 10);
        engine.observe(&observation(1, "a.example"), u64::MAX / 2, explanation);
        engine.observe(&observation(2, "a.example"), 0, explanation);
        assert_eq!(engine.tick(0).len(), 1, "what comes from the past counts as now");
        assert_eq!(engine.tick(u64::MAX).len(), 1);
        engine.observe(&observation(3, "a.example"), u64::MAX, explanation);
        assert_eq!(engine.tick(u64::MAX), []);
    }

    #[test]
    fn exchanges_are_put_into_words_once_a_second() {
        let mut engine = engine(&[rule("r", &[])], 10);
        let words = std::cell::Cell::new(0);
        for id in 0..5000 {
            engine.observe(&observation(id, "a.example"), id * SECOND / 1000, || {
                words.set(words.get() + 1);
                explanation()
            });
        }
        assert_eq!(words.get(), 5);
    }
}
