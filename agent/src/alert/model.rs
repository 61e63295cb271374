//! What the engine must do, said as plainly as possible: all times in a list, looked through at every instant.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::{Change, Engine, Explanation, Matches, Observation, Per, Rule, Severity};
use crate::connection::Role;
use crate::verdict::Verdict;

const NAMES: [&str; 3] = ["a.example", "b.example", "c.example"];
const END: u64 = 2_500;

/// Something that happened: when, to which name, and how many it had counted.
type Told = (u64, &'static str, String, u64);

/// The whole life of one name.
fn model(rule: &Rule, name: &str, events: &[u64]) -> Vec<Told> {
    let nanoseconds = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap();
    let (hold, after) = (nanoseconds(rule.hold), nanoseconds(rule.resolve_after));
    let part = nanoseconds(rule.window).div_ceil(60);
    let mut told = Vec::new();
    let mut enough_since = None;
    let mut few_since = None;
    let mut firing = None;
    for now in 0..=END {
        let at_this_instant = events.iter().filter(|time| **time == now).count();
        // Once for what time alone brings, once more after each event.
        for seen in 0..=at_this_instant {
            let earlier = events.iter().filter(|time| **time < now).count();
            let seen_so_far = &events[..earlier + seen];
            let within = seen_so_far.iter().filter(|time| now / part - **time / part <= 60);
            let count = within.count() as u64;
            if count >= rule.threshold && firing.is_none() {
                let since = *enough_since.get_or_insert(now);
                if now - since >= hold {
                    told.push((now, "firing", name.to_owned(), count));
                    firing = Some(seen_so_far.len() as u64 - count);
                }
            } else {
                enough_since = None;
            }
            let Some(uncounted) = firing else { continue };
            if count < rule.resolve_below {
                let since = *few_since.get_or_insert(now);
                if now - since >= after {
                    let all = seen_so_far.len() as u64 - uncounted;
                    told.push((now, "resolved", name.to_owned(), all));
                    (firing, few_since) = (None, None);
                }
            } else {
                few_since = None;
            }
        }
    }
    told
}

fn engine(rule: &Rule, events: &[(u64, usize)], ticks: &[u64]) -> Vec<Told> {
    let mut engine = Engine::new(std::slice::from_ref(rule), 10, BTreeMap::new());
    let mut changes = Vec::new();
    let mut ticks = ticks.iter().copied().peekable();
    for (id, (time, name)) in (1..).zip(events.iter().copied()) {
        while let Some(tick) = ticks.next_if(|tick| *tick <= time) {
            changes.extend(engine.tick(tick));
        }
        let observation = Observation {
            id,
            verdict: Verdict::Split421,
            role: Role::Client,
            both_ends: false,
            sni: Some(NAMES[name]),
            authority: None,
            server: None,
            client: None,
        };
        engine.observe(&observation, time, Explanation::default);
    }
    for tick in ticks.chain([END]) {
        changes.extend(engine.tick(tick));
    }
    assert!(engine.tick(END).is_empty(), "every change is told once");
    let told = |change: &Change| {
        let alert = change.alert();
        (
            change.time(),
            change.state(),
            alert.labels["sni"].clone(),
            alert.count,
        )
    };
    changes.iter().map(told).collect()
}

fn rules() -> impl Strategy<Value = Rule> {
    let durations = (
        1_u64..5,
        prop_oneof![Just(0_u64), 1_u64..200],
        prop_oneof![Just(0_u64), 1_u64..200],
    );
    (durations, 1_u64..6, 1_u64..6).prop_map(|((parts, hold, after), threshold, below)| Rule {
        name: "rule".to_owned(),
        matches: Matches::default(),
        threshold,
        window: Duration::from_nanos(60 * parts),
        per: vec![Per::Sni],
        hold: Duration::from_nanos(hold),
        severity: Severity::Info,
        resolve_below: below.min(threshold),
        resolve_after: Duration::from_nanos(after),
    })
}

/// Bursts and pauses, so that alerts come and go.
fn events() -> impl Strategy<Value = Vec<(u64, usize)>> {
    let burst = (
        0_u64..END - 100,
        0..NAMES.len(),
        prop::collection::vec(0_u64..100, 1..8),
    );
    prop::collection::vec(burst, 0..12).prop_map(|bursts| {
        let all = bursts
            .into_iter()
            .flat_map(|(start, name, offsets)| offsets.into_iter().map(move |offset| (start + offset, name)));
        let mut all: Vec<_> = all.collect();
        all.sort_unstable();
        all
    })
}

proptest! {
    #[test]
    fn the_engine_does_what_the_model_says_however_often_it_is_asked(
        rule in rules(),
        events in events(),
        mut ticks in prop::collection::vec(0_u64..END, 0..30),
    ) {
        ticks.sort_unstable();
        let mut expected: Vec<Told> = Vec::new();
        for (index, name) in NAMES.into_iter().enumerate() {
            let own: Vec<u64> = events.iter().filter(|event| event.1 == index).map(|event| event.0).collect();
            expected.extend(model(&rule, name, &own));
        }
        let mut actual = engine(&rule, &events, &ticks);
        // Within one instant only the order for each name is told.
        expected.sort_by(|a, b| (a.0, &a.2).cmp(&(b.0, &b.2)));
        actual.sort_by(|a, b| (a.0, &a.2).cmp(&(b.0, &b.2)));
        prop_assert_eq!(actual, expected);
    }

    #[test]
    fn times_in_any_order_do_no_harm(
        rule in rules(),
        events in prop::collection::vec((any::<u64>(), 0..NAMES.len()), 0..50),
    ) {
        let mut engine = Engine::new(&[rule], 2, BTreeMap::new());
        let mut firing = 0_usize;
        for (id, (time, name)) in (1..).zip(events) {
            let observation = Observation {
                id,
                verdict: Verdict::Split421,
                role: Role::Client,
            both_ends: false,
                sni: Some(NAMES[name]),
                authority: None,
                server: None,
                client: None,
            };
            engine.observe(&observation, time, Explanation::default);
            for change in engine.tick(time.wrapping_mul(31)) {
                match change {
                    Change::Fired(_) => firing += 1,
                    Change::Resolved(_) => firing -= 1,
                }
            }
            prop_assert_eq!(engine.firing().count(), firing);
        }
    }
}
