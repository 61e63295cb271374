//! What the agent does about exchanges beside keeping them: notes findings in the journal, and raises alerts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::system::uname;

use super::alerts::Alerts;
use super::journal::{Note, Notes};
use crate::alert::{Change, Engine, Explanation, Notice, Observation};
use crate::connection::{Facts, Role, ServerName};
use crate::export::Shared;
use crate::export::present;
use crate::export::privacy::Named as _;
use crate::export::store::is_finding;
use crate::journal::{Journal, new_run};
use crate::observer::Judged;
use crate::policy::{Policy, Sinks};

/// How long the agent's end waits for the journal's disk, and then for receivers of alerts.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the count of an alert that fires is shown anew, nanoseconds.
const REFRESH: u64 = 1_000_000_000;
/// The label that names the machine.
const INSTANCE: &str = "instance";
/// Stands for a server name that was not sent.
const ABSENT: &str = "absent";

/// The journal and the alerts.
#[derive(Debug)]
pub(super) struct Reporting {
    engine: Engine,
    alerts: Alerts,
    notes: Option<Notes>,
    /// Whether alerts are noted in the journal.
    notes_alerts: bool,
    /// When readers were last shown how alerts are, nanoseconds of `CLOCK_BOOTTIME`.
    shown_at: u64,
    shared: Shared,
    /// Nanoseconds since the Unix epoch at the zero of `CLOCK_BOOTTIME`.
    epoch: u64,
    exchange_id: u64,
    connection_id: u64,
    policy: Arc<Policy>,
}

impl Reporting {
    /// Starts to report as the policy says. `epoch` as in [`crate::observer::Observer::new`].
    ///
    /// # Errors
    /// If the journal's thread cannot be started.
    pub(super) fn start(
        policy: Arc<Policy>,
        journal: Option<Journal>,
        epoch: u64,
        shared: Shared,
    ) -> io::Result<Self> {
        let metrics = shared.metrics();
        let run = new_run();
        let alerts = Alerts::start(&policy.sinks, &run, metrics.clone());
        let notes = journal
            .map(|journal| Notes::start(journal, run, metrics.clone()))
            .transpose()?;
        let mut reporting = Self {
            engine: Engine::new(&[], 1, BTreeMap::new()),
            alerts,
            notes,
            notes_alerts: false,
            shown_at: 0,
            shared,
            epoch,
            exchange_id: 0,
            connection_id: 0,
            policy: Arc::default(),
        };
        reporting.set_policy(policy);
        Ok(reporting)
    }

    /// Reports as this policy says from now on. Alerts of rules that stay as they are go on.
    pub(super) fn set_policy(&mut self, policy: Arc<Policy>) {
        let Policy {
            rules, limits, sinks, ..
        } = &*policy;
        for rule in rules {
            self.shared.metrics().expect_alerts(&rule.name);
        }
        self.engine
            .replace_rules(rules, limits.alerts_per_rule, labels(sinks));
        self.notes_alerts = sinks.journal;
        let firing: Vec<Change> = self.engine.firing().cloned().map(Change::Fired).collect();
        self.alerts.set_sinks(sinks, &firing);
        self.policy = policy;
    }

    /// An exchange was judged.
    pub(super) fn exchange(&mut self, judged: &Judged) {
        self.exchange_id = self.exchange_id.max(judged.id);
        self.connection_id = self.connection_id.max(judged.connection.id);
        let hidden = self.policy.hides([judged.authority.as_deref(), judged.sni()]);
        if let Some(notes) = &self.notes
            && is_finding(judged.class())
            && !hidden
        {
            notes.note(Note::Finding(Box::new(judged.clone()), Arc::clone(&self.policy)));
        }
        if self.engine.concerns(judged.verdict) {
            self.observe(judged, hidden);
        }
    }

    /// What a client did after the 421 of an exchange was learned, and in which exchange it asked again, if it did.
    pub(super) fn outcome(&self, id: u64, outcome: &'static str, retried_as: Option<u64>) {
        if let Some(notes) = &self.notes {
            notes.note(Note::Outcome {
                id,
                outcome,
                retried_as,
            });
        }
    }

    /// It is this late, nanoseconds of `CLOCK_BOOTTIME`.
    pub(super) fn tick(&mut self, time: u64) {
        let changes = self.engine.tick(self.epoch.saturating_add(time));
        if !changes.is_empty() || time.saturating_sub(self.shown_at) >= REFRESH {
            self.show(&changes);
            self.shown_at = time;
        }
        for change in changes {
            let alert = change.alert();
            if let Change::Fired(alert) = &change {
                self.shared.metrics().alert(&alert.rule);
            }
            if let Some(notes) = &self.notes
                && self.notes_alerts
            {
                notes.note(Note::Alert(Box::new(Notice::from(alert))));
            }
            self.alerts.tell(&change);
        }
    }

    /// Tells and writes what is left, and ends.
    pub(super) fn finish(self) {
        if let Some(notes) = self.notes {
            let stop = Note::Stop {
                exchange_id: self.exchange_id,
                connection_id: self.connection_id,
            };
            notes.finish(stop, PATIENCE);
        }
        self.alerts.finish(PATIENCE);
    }

    /// Lets readers see what fires and what ended.
    fn show(&self, changes: &[Change]) {
        let mut store = self.shared.store();
        store.set_firing(self.engine.firing().map(Notice::from));
        for change in changes {
            if let Change::Resolved(alert) = change {
                store.alert_over(Notice::from(alert));
            }
        }
    }

    /// `hidden`: its names are not to be told.
    fn observe(&mut self, judged: &Judged, hidden: bool) {
        let connection = &*judged.connection;
        let client = client(judged.role(), connection);
        let policy = &self.policy;
        let shown = |name: Option<&'_ str>| {
            name.filter(|_| !hidden)
                .map(|name| policy.shown(name).into_owned())
        };
        let sni = match &connection.name {
            ServerName::Absent => Some(ABSENT.to_owned()),
            _ => shown(judged.sni()),
        };
        let authority = shown(judged.authority.as_deref());
        let observation = Observation {
            id: judged.id,
            verdict: judged.verdict,
            role: judged.role(),
            both_ends: connection.pair.is_some(),
            sni: sni.as_deref(),
            authority: authority.as_deref(),
            server: server(judged.role(), connection),
            client: client.as_deref(),
        };
        self.engine.observe(&observation, judged.completed_at(), || {
            let told = present::judged(judged).masked(policy);
            told.map_or_else(Explanation::default, |told| Explanation {
                diagnosis: told.diagnosis,
                remedy: told.remedy,
            })
        });
    }
}

/// What every alert has: the machine's name, and what the policy adds or puts in its place.
fn labels(sinks: &Sinks) -> BTreeMap<String, String> {
    let machine = uname().nodename().to_string_lossy().into_owned();
    let mut labels = BTreeMap::from([(INSTANCE.to_owned(), machine)]);
    labels.extend(sinks.labels.clone());
    labels
}

/// The server's executable, if it is known.
fn server(role: Role, connection: &Facts) -> Option<&str> {
    match role {
        Role::Server => executable(connection),
        Role::Client => other_executable(connection),
    }
}

/// The client's executable, or else its address.
fn client(role: Role, connection: &Facts) -> Option<Cow<'_, str>> {
    let executable = match role {
        Role::Client => executable(connection),
        Role::Server => other_executable(connection),
    };
    let address = || {
        let socket = connection.socket.as_ref()?;
        let client = match role {
            Role::Client => socket.local,
            Role::Server => socket.peer,
        };
        Some(Cow::Owned(client.ip().to_string()))
    };
    executable.map(Cow::Borrowed).or_else(address)
}

fn executable(connection: &Facts) -> Option<&str> {
    file_name(connection.process.exe.as_deref()?)
}

fn other_executable(connection: &Facts) -> Option<&str> {
    file_name(connection.pair.as_ref()?.process.exe.as_deref()?)
}

fn file_name(path: &str) -> Option<&str> {
    path.rsplit('/').find(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Matches, Per, Rule, Severity};
    use crate::connection::{Pair, Process};
    use crate::export::query::Query;
    use crate::export::testing::exchange;
    use crate::journal::{Content, Settings, read};
    use crate::verdict::{Class, Verdict};

    const SECOND: u64 = 1_000_000_000;

    fn policy() -> Policy {
        Policy {
            rules: vec![Rule {
                name: "any-421".to_owned(),
                matches: Matches {
                    classes: vec![Class::Correct421],
                    ..Matches::default()
                },
                threshold: 2,
                window: Duration::from_mins(1),
                per: vec![Per::Server, Per::Client],
                hold: Duration::ZERO,
                severity: Severity::Warning,
                resolve_below: 1,
                resolve_after: Duration::ZERO,
            }],
            sinks: Sinks {
                labels: BTreeMap::from([("cluster".to_owned(), "one".to_owned())]),
                ..Sinks::default()
            },
            ..Policy::default()
        }
    }

    #[test]
    fn findings_and_alerts_are_noted_and_alerts_counted() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(directory.path(), Settings::default()).unwrap();
        let shared = Shared::default();
        let metrics = shared.metrics();
        let shown = || {
            let page = shared.store().alerts(&Query::default());
            let states = page
                .items
                .iter()
                .map(|notice| (notice.state.clone(), notice.count));
            states.collect::<Vec<_>>()
        };
        let mut reporting = Reporting::start(Arc::new(policy()), Some(journal), 0, shared.clone()).unwrap();
        assert!(
            metrics
                .render()
                .contains("wrongway_alerts_total{rule=\"any-421\"} 0\n")
        );
        for (id, verdict) in (1..).zip([Verdict::Split421, Verdict::Ok, Verdict::Split421]) {
            reporting.exchange(&exchange(id, verdict));
        }
        reporting.tick(SECOND);
        assert_eq!(shown(), [("firing".to_owned(), 2)]);
        reporting.exchange(&exchange(4, Verdict::Split421));
        reporting.tick(2 * SECOND);
        assert_eq!(shown(), [("firing".to_owned(), 3)]);
        reporting.tick(100 * SECOND);
        assert_eq!(shown(), [("resolved".to_owned(), 3)]);
        reporting.outcome(3, "cured", Some(4));
        reporting.finish();
        let mut kinds = Vec::new();
        for entry in read(directory.path(), None).unwrap() {
            kinds.push(match entry.content {
                Content::Start { .. } => "start".to_owned(),
                Content::Finding { exchange } => format!("finding {}", exchange.id),
                Content::Outcome { id, outcome, .. } => format!("{outcome} {id}"),
                Content::Alert { alert } => {
                    assert_eq!(alert.labels["server"], "apache2");
                    assert_eq!(alert.labels["client"], "127.0.0.1");
                    assert_eq!(alert.labels["cluster"], "one");
                    assert!(alert.labels.contains_key(INSTANCE));
                    format!("{} {}", alert.state, alert.id)
                }
                Content::Stop { exchange_id, .. } => format!("stop {exchange_id}"),
                Content::Unknown => "unknown".to_owned(),
            });
        }
        let expected = [
            "start",
            "finding 1",
            "finding 3",
            "firing 1",
            "finding 4",
            "resolved 1",
            "cured 3",
            "stop 4",
        ];
        assert_eq!(kinds, expected);
        assert!(
            metrics
                .render()
                .contains("wrongway_alerts_total{rule=\"any-421\"} 1\n")
        );
        assert_eq!(metrics.losses(), []);
    }

    #[test]
    fn the_other_end_is_named_where_it_is_known() {
        let mut judged = exchange(1, Verdict::Ok);
        let other = Process {
            exe: Some("/usr/bin/curl".to_owned()),
            ..Process::default()
        };
        let facts = Arc::make_mut(&mut judged.connection);
        facts.pair = Some(Arc::new(Pair {
            connection: 2,
            process: Arc::new(other),
        }));
        let connection = &*judged.connection;
        assert_eq!(client(Role::Server, connection).as_deref(), Some("curl"));
        assert_eq!(server(Role::Server, connection), Some("apache2"));
        assert_eq!(client(Role::Client, connection).as_deref(), Some("apache2"));
        assert_eq!(server(Role::Client, connection), Some("curl"));
    }
}
