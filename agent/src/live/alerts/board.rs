//! What an Alertmanager has to know: a state, not a sequence. All of it is told each time, so nothing that it misses
//! is missed for good, and nothing that it is told twice counts twice.
//!
//! ```text
//!  Fired ──▶ Firing ── Resolved, once told ──▶ Over ── told, a quarter of an hour ago ──▶ gone
//!              │                                ▲
//!              └── Resolved, never told ──▶ Late┘ told as firing, a minute ago
//! ```
//! An Alertmanager drops an alert that is over before it heard of it. One that came and went while it was down is
//! first told as firing, and a minute later as over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::alert::{Alert, Change};
use crate::export::timestamp;

use super::mailbox::Work;

/// What fires is over, for the Alertmanager, if it is not told again for this long: the agent may be gone.
const EXPIRY: Duration = Duration::from_mins(4);
/// What is over is told again for this long: the Alertmanager may forget it, and may then believe that it goes on.
const RETENTION: Duration = Duration::from_mins(15);
/// Alerts that are over and kept.
const CAPACITY: usize = 1000;

/// An Alertmanager tells alerts apart by all of their labels.
type Labels = BTreeMap<String, String>;

/// What has to be told.
#[derive(Debug)]
pub(super) struct Board {
    /// All of it is told again this often, and at once if anything changes.
    repeat: Duration,
    entries: BTreeMap<Labels, Entry>,
    /// Counts changes.
    generation: u64,
    /// The latest change that was told, and when.
    told: Option<(u64, Instant)>,
}

#[derive(Debug)]
struct Entry {
    alert: Alert,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Firing {
        told: bool,
    },
    /// Over before it was told.
    Late {
        told: Option<Instant>,
    },
    Over {
        told: Option<Instant>,
    },
}

/// What a message told.
#[derive(Debug)]
pub(super) struct Receipt {
    generation: u64,
    alerts: Vec<(Labels, u64, State)>,
}

/// An alert as `POST /api/v2/alerts` takes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    labels: &'a Labels,
    annotations: Annotations<'a>,
    starts_at: String,
    ends_at: String,
}

#[derive(Debug, Serialize)]
struct Annotations<'a> {
    summary: &'a str,
    description: &'a str,
}

impl Board {
    pub(super) const fn new(repeat: Duration) -> Self {
        Self {
            repeat,
            entries: BTreeMap::new(),
            generation: 0,
            told: None,
        }
    }

    /// Takes a change. False if one that was to be told had to make room.
    pub(super) fn apply(&mut self, change: &Change) -> bool {
        self.generation += 1;
        let alert = change.alert();
        let labels = labels(alert);
        let state = match change {
            Change::Fired(_) => State::Firing { told: false },
            Change::Resolved(_) => match self.entries.get(&labels).map(|entry| entry.state) {
                Some(State::Firing { told: false }) => State::Late { told: None },
                Some(_) => State::Over { told: None },
                // It began before this Alertmanager was to be told anything.
                None => return true,
            },
        };
        let alert = alert.clone();
        self.entries.insert(labels, Entry { alert, state });
        self.make_room()
    }

    /// The next message, and when it is due; none while there is nothing to tell. `hold` is when the Alertmanager may
    /// be bothered again, `clock` the time in nanoseconds since the Unix epoch.
    pub(super) fn work(
        &mut self,
        now: Instant,
        hold: Option<Instant>,
        clock: u64,
    ) -> Work<(Vec<u8>, Receipt)> {
        self.advance(now);
        if self.entries.is_empty() {
            return Work::None;
        }
        let due = match self.told {
            Some((generation, at)) if generation == self.generation => at + self.repeat,
            _ => now,
        };
        let due = hold.map_or(due, |hold| due.max(hold));
        match due.checked_duration_since(now) {
            Some(wait) if !wait.is_zero() => Work::In(wait),
            _ => Work::Now(self.message(clock)),
        }
    }

    /// The Alertmanager took a message.
    pub(super) fn told(&mut self, receipt: Receipt, now: Instant) {
        self.told = Some((receipt.generation, now));
        for (labels, id, told) in receipt.alerts {
            let Some(entry) = self.entries.get_mut(&labels).filter(|entry| entry.alert.id == id) else {
                continue;
            };
            entry.state = match (told, entry.state) {
                (State::Firing { .. }, State::Firing { .. }) => State::Firing { told: true },
                // It ended while it was being told as firing.
                (State::Firing { .. }, State::Late { told: None }) => State::Over { told: None },
                (State::Late { .. }, State::Late { told: None }) => State::Late { told: Some(now) },
                (State::Over { .. }, State::Over { told: None }) => State::Over { told: Some(now) },
                (_, state) => state,
            };
        }
    }

    /// Alerts that the Alertmanager does not know as they are.
    pub(super) fn untold(&self) -> usize {
        let untold = |entry: &&Entry| {
            matches!(
                entry.state,
                State::Firing { told: false } | State::Late { .. } | State::Over { told: None }
            )
        };
        self.entries.values().filter(untold).count()
    }

    fn advance(&mut self, now: Instant) {
        let passed = |since: Instant, time: Duration| now.saturating_duration_since(since) >= time;
        let repeat = self.repeat;
        self.entries.retain(|_, entry| match entry.state {
            State::Late { told: Some(at) } if passed(at, repeat) => {
                entry.state = State::Over { told: None };
                true
            }
            State::Over { told: Some(at) } => !passed(at, RETENTION),
            _ => true,
        });
    }

    fn message(&self, clock: u64) -> (Vec<u8>, Receipt) {
        let expiry = clock.saturating_add(u64::try_from(EXPIRY.as_nanos()).unwrap_or(u64::MAX));
        let items = self.entries.iter().map(|(labels, entry)| {
            let alert = &entry.alert;
            // The clock may have been set since: nothing begins in the future, or ends before it begins.
            let start = alert.started_at.min(clock);
            let end = match entry.state {
                State::Firing { .. } | State::Late { .. } => expiry,
                State::Over { .. } => alert.ended_at.unwrap_or(clock).clamp(start, clock),
            };
            Item {
                labels,
                annotations: Annotations {
                    summary: &alert.summary,
                    description: &alert.description,
                },
                starts_at: timestamp::from_nanoseconds(start),
                ends_at: timestamp::from_nanoseconds(end),
            }
        });
        let items: Vec<Item<'_>> = items.collect();
        let body = serde_json::to_vec(&items).expect("alerts are plain data");
        let told = self.entries.iter();
        let receipt = Receipt {
            generation: self.generation,
            alerts: told
                .map(|(labels, entry)| (labels.clone(), entry.alert.id, entry.state))
                .collect(),
        };
        (body, receipt)
    }

    fn make_room(&mut self) -> bool {
        let over = self
            .entries
            .iter()
            .filter_map(|(labels, entry)| match entry.state {
                State::Firing { .. } => None,
                State::Over { told } => Some((told.is_none(), entry.alert.ended_at, labels)),
                State::Late { .. } => Some((true, entry.alert.ended_at, labels)),
            });
        let over: Vec<_> = over.collect();
        if over.len() <= CAPACITY {
            return true;
        }
        // What was told goes first, and then the oldest.
        let Some((untold, _, labels)) = over.into_iter().min() else {
            return true;
        };
        let labels = labels.clone();
        self.entries.remove(&labels);
        !untold
    }
}

/// The alert's own, and those that name it.
fn labels(alert: &Alert) -> Labels {
    let mut labels = alert.labels.clone();
    labels.insert("alertname".to_owned(), alert.rule.clone());
    labels.insert("severity".to_owned(), alert.severity.as_str().to_owned());
    labels
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::alert::Severity;

    const REPEAT: Duration = Duration::from_mins(1);
    const SECOND: Duration = Duration::from_secs(1);
    /// 2024-02-29T12:34:56Z.
    const CLOCK: u64 = 1_709_210_096_000_000_000;

    fn alert(id: u64, server: &str) -> Alert {
        Alert {
            id,
            rule: "wrong-421".to_owned(),
            severity: Severity::Warning,
            labels: BTreeMap::from([("server".to_owned(), server.to_owned())]),
            started_at: CLOCK - 1_000_000_000,
            ended_at: None,
            count: 5,
            first: 7,
            last: 12,
            summary: "5 exchanges.".to_owned(),
            description: "Why.".to_owned(),
        }
    }

    fn fired(id: u64, server: &str) -> Change {
        Change::Fired(alert(id, server))
    }

    fn resolved(id: u64, server: &str) -> Change {
        Change::Resolved(Alert {
            ended_at: Some(CLOCK),
            ..alert(id, server)
        })
    }

    /// The message that is due, as server and whether it fires.
    fn due(board: &mut Board, now: Instant) -> (Vec<(String, bool)>, Receipt) {
        let Work::Now((body, receipt)) = board.work(now, None, CLOCK) else {
            panic!("nothing is due: {board:?}");
        };
        let items: Vec<Value> = serde_json::from_slice(&body).unwrap();
        let items = items.iter().map(|item| {
            let fires = item["endsAt"].as_str() > Some("2024-02-29T12:34:56.000000Z");
            (item["labels"]["server"].as_str().unwrap().to_owned(), fires)
        });
        (items.collect(), receipt)
    }

    fn tell(board: &mut Board, now: Instant) -> Vec<(String, bool)> {
        let (told, receipt) = due(board, now);
        board.told(receipt, now);
        told
    }

    fn item(server: &str, fires: bool) -> (String, bool) {
        (server.to_owned(), fires)
    }

    #[test]
    fn an_alert_is_told_in_the_form_of_the_api() {
        let mut board = Board::new(REPEAT);
        board.apply(&fired(1, "nginx"));
        let Work::Now((body, _)) = board.work(Instant::now(), None, CLOCK) else {
            panic!("nothing is due");
        };
        let body: Value = serde_json::from_slice(&body).unwrap();
        let expected = serde_json::json!([{
            "labels": {"alertname": "wrong-421", "severity": "warning", "server": "nginx"},
            "annotations": {"summary": "5 exchanges.", "description": "Why."},
            "startsAt": "2024-02-29T12:34:55.000000Z",
            "endsAt": "2024-02-29T12:38:56.000000Z",
        }]);
        assert_eq!(body, expected);
    }

    #[test]
    fn all_that_fires_is_told_on_change_and_every_minute() {
        let mut board = Board::new(REPEAT);
        let start = Instant::now();
        assert!(matches!(board.work(start, None, CLOCK), Work::None));
        board.apply(&fired(1, "a"));
        assert_eq!(tell(&mut board, start), [item("a", true)]);
        assert!(matches!(board.work(start, None, CLOCK), Work::In(wait) if wait == REPEAT));
        board.apply(&fired(2, "b"));
        assert_eq!(
            tell(&mut board, start + SECOND),
            [item("a", true), item("b", true)]
        );
        assert!(matches!(
            board.work(start + REPEAT, None, CLOCK),
            Work::In(SECOND)
        ));
        assert_eq!(tell(&mut board, start + SECOND + REPEAT).len(), 2);
    }

    #[test]
    fn what_is_over_is_told_for_a_quarter_of_an_hour() {
        let mut board = Board::new(REPEAT);
        let start = Instant::now();
        board.apply(&fired(1, "a"));
        tell(&mut board, start);
        board.apply(&resolved(1, "a"));
        assert_eq!(board.untold(), 1);
        let mut now = start + SECOND;
        for _ in 0..15 {
            assert_eq!(tell(&mut board, now), [item("a", false)]);
            assert_eq!(board.untold(), 0);
            now += REPEAT;
        }
        assert!(matches!(board.work(now, None, CLOCK), Work::None), "{board:?}");
    }

    #[test]
    fn what_changes_while_the_alertmanager_is_down_is_told_when_it_is_back() {
        let mut board = Board::new(REPEAT);
        let start = Instant::now();
        for (id, server) in [(1, "goes"), (2, "stays")] {
            board.apply(&fired(id, server));
        }
        tell(&mut board, start);
        // Down: nothing is acknowledged.
        board.apply(&resolved(1, "goes"));
        let (attempt, _) = due(&mut board, start + SECOND);
        assert_eq!(attempt, [item("goes", false), item("stays", true)]);
        board.apply(&fired(3, "comes"));
        board.apply(&fired(4, "came and went"));
        board.apply(&resolved(4, "came and went"));
        let hold = start + 9 * SECOND;
        assert!(matches!(
            board.work(start + 2 * SECOND, Some(hold), CLOCK),
            Work::In(wait) if wait == 7 * SECOND
        ));
        // Up.
        let told = tell(&mut board, hold);
        let expected = [
            item("came and went", true),
            item("comes", true),
            item("goes", false),
            item("stays", true),
        ];
        assert_eq!(told, expected, "what was never told is told as firing first");
        let told = tell(&mut board, hold + REPEAT);
        assert_eq!(
            told[0],
            item("came and went", false),
            "and as over a minute later"
        );
        assert_eq!(board.untold(), 0);
    }

    #[test]
    fn an_alert_that_ends_while_it_is_told_ends_at_once() {
        let mut board = Board::new(REPEAT);
        let start = Instant::now();
        board.apply(&fired(1, "a"));
        let (_, receipt) = due(&mut board, start);
        board.apply(&resolved(1, "a"));
        board.told(receipt, start);
        assert_eq!(tell(&mut board, start), [item("a", false)]);
    }

    #[test]
    fn an_alert_that_fires_again_is_not_told_as_over_beside_it() {
        let mut board = Board::new(REPEAT);
        let start = Instant::now();
        board.apply(&fired(1, "a"));
        tell(&mut board, start);
        board.apply(&resolved(1, "a"));
        let (_, receipt) = due(&mut board, start);
        board.apply(&fired(2, "a"));
        // What was told was of the earlier alert.
        board.told(receipt, start);
        assert_eq!(tell(&mut board, start), [item("a", true)]);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_impossible_times() {
        let mut board = Board::new(REPEAT);
        let now = Instant::now();
        board.apply(&fired(1, "a"));
        tell(&mut board, now);
        board.apply(&resolved(1, "a"));
        let Work::Now((body, _)) = board.work(now, None, 1_000_000_000) else {
            panic!("nothing is due");
        };
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body[0]["startsAt"], "1970-01-01T00:00:01.000000Z");
        assert_eq!(body[0]["endsAt"], "1970-01-01T00:00:01.000000Z");
    }

    #[test]
    fn what_is_over_takes_bounded_memory() {
        let mut board = Board::new(REPEAT);
        let mut kept = 0;
        for id in 0..CAPACITY as u64 + 10 {
            let server = format!("{id}");
            board.apply(&fired(id, &server));
            kept += usize::from(board.apply(&resolved(id, &server)));
        }
        assert_eq!((board.entries.len(), kept), (CAPACITY, CAPACITY));
    }
}
