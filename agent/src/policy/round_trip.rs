//! A policy that is written and read again is the same.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::gateway::{Hostname, Listener};
use super::testing::{attempt, key};
use super::{
    AlternativeService, Limits, Names, Network, Party, Pattern, Policy, Privacy, Sinks, Windows, duration,
};
use crate::alert::{Matches, Per, Rule, Severity};
use crate::connection::Role;
use crate::verdict::name::Host;
use crate::verdict::{Class, Verdict};

proptest! {
    #[test]
    fn a_policy_that_is_written_is_read_again(policy in policies()) {
        let text = policy.to_toml();
        let read = attempt(&text);
        prop_assert!(read.is_ok(), "{read:#?} in:\n{text}");
        prop_assert_eq!(read.unwrap(), policy);
    }
}

#[test]
fn the_policies_of_an_agent_are_read_again() {
    for policy in [Policy::default(), Policy::standard()] {
        assert_eq!(attempt(&policy.to_toml()).unwrap(), policy);
    }
}

fn policies() -> impl Strategy<Value = Policy> {
    let who = (
        vec(parties(false), 0..3),
        vec(parties(true), 0..3),
        vec(alternative_services(), 0..3),
        vec(groups(), 0..3),
        listeners(),
    );
    let how = (privacies(), limits(), windows(), rules(), sinks());
    (who, how).prop_map(|(who, how)| Policy {
        trusted_gateways: who.0,
        forward_proxies: who.1,
        alternative_services: who.2,
        shared_names: who.3,
        listeners: who.4,
        privacy: how.0,
        limits: how.1,
        windows: how.2,
        rules: how.3,
        sinks: how.4,
    })
}

/// Texts that a file can say: with quotes, backslashes and letters of every script, without blanks around them.
fn texts() -> impl Strategy<Value = String> {
    "[!-~ü€\u{1f980}][ -~ü€\u{1f980}]{0,10}[!-~ü€\u{1f980}]"
}

fn domain_names() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,6}(\\.[a-z][a-z0-9-]{0,6}){1,2}"
}

fn patterns() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        domain_names().prop_map(|name| Pattern::Exact(Host::Name(name))),
        domain_names().prop_map(Pattern::Below),
        addresses().prop_map(|address| Pattern::Exact(Host::Address(address))),
    ]
}

fn addresses() -> impl Strategy<Value = IpAddr> {
    any::<IpAddr>().prop_map(|address| address.to_canonical())
}

fn networks() -> impl Strategy<Value = Network> {
    (addresses(), 0_u8..=128).prop_map(|(address, length)| {
        let length = if address.is_ipv4() { length % 33 } else { length };
        let prefix = format!("{address}/{length}");
        match prefix.parse() {
            Ok(network) | Err(super::NetworkError::HostBits(network)) => network,
            Err(error) => panic!("{prefix} {error}"),
        }
    })
}

fn parties(with_port: bool) -> impl Strategy<Value = Party> {
    let process = option::of(prop_oneof![
        "[a-z][a-z0-9 .-]{0,8}[a-z]",
        "(/[a-z0-9.]{1,6}){1,3}"
    ]);
    let workload = option::of("([a-z]{1,6}/)?[a-z]{1,6}");
    let port = if with_port {
        option::of(1_u16..).boxed()
    } else {
        Just(None).boxed()
    };
    let networks = vec(networks(), 0..4).prop_map(unique_networks);
    let parts = (networks, port, process, workload).prop_map(|(networks, port, process, workload)| Party {
        networks,
        port,
        process,
        workload,
    });
    parts.prop_filter("somebody is meant", |party| *party != Party::default())
}

fn unique_networks(networks: Vec<Network>) -> Vec<Network> {
    let mut unique = Vec::new();
    for network in networks {
        if !unique.contains(&network) {
            unique.push(network);
        }
    }
    unique
}

fn alternative_services() -> impl Strategy<Value = AlternativeService> {
    let names = vec(patterns(), 0..3).prop_map(Names::from_iter);
    (parties(true), names).prop_map(|(server, names)| AlternativeService { server, names })
}

fn groups() -> impl Strategy<Value = Names> {
    btree_set(patterns(), 2..5).prop_map(Names::from_iter)
}

fn listeners() -> impl Strategy<Value = Vec<Listener>> {
    let hostname = prop_oneof![
        Just(Hostname::Any),
        domain_names().prop_map(Hostname::Below),
        domain_names().prop_map(Hostname::Exact),
    ];
    btree_map(texts(), (1_u16.., hostname), 0..4).prop_map(|listeners| {
        let mut places = std::collections::HashSet::new();
        let listeners = listeners
            .into_iter()
            .filter(|(_, place)| places.insert(place.clone()));
        listeners
            .map(|(name, (port, hostname))| Listener { name, port, hostname })
            .collect()
    })
}

fn privacies() -> impl Strategy<Value = Privacy> {
    let names = btree_set(patterns(), 0..6);
    (
        names,
        any::<prop::sample::Index>(),
        option::of("/[a-z\"\\\\ü]{1,8}"),
    )
        .prop_map(|(names, split, file)| {
            let names: Vec<Pattern> = names.into_iter().collect();
            let split = if names.is_empty() {
                0
            } else {
                split.index(names.len())
            };
            let (ignore, hash) = names.split_at(split);
            Privacy {
                ignore: ignore.iter().cloned().collect(),
                hash: hash.iter().cloned().collect(),
                key: file.map(|file| key(Path::new(&file))),
            }
        })
}

fn limits() -> impl Strategy<Value = Limits> {
    (
        1_usize..=100_000,
        1_usize..=10_000,
        1_usize..=100_000,
        1_usize..=10_000,
    )
        .prop_map(
            |(metric_names, alerts_per_rule, listeners, names_per_listener)| Limits {
                metric_names,
                alerts_per_rule,
                listeners,
                names_per_listener,
            },
        )
}

/// Durations up to so many milliseconds, round ones among them.
fn durations(shortest: u64, longest: u64) -> impl Strategy<Value = Duration> {
    let round = select(vec!["1s", "30s", "5m", "1h"]).prop_map(|text| duration::parse(text).unwrap());
    let any = (shortest..=longest).prop_map(Duration::from_millis);
    prop_oneof![round, any]
}

fn windows() -> impl Strategy<Value = Windows> {
    let hour = 3_600_000;
    (
        durations(1000, hour),
        durations(1000, 24 * hour),
        durations(1000, 720 * hour),
    )
        .prop_map(|(retry, ping_pong, listener)| Windows {
            retry,
            ping_pong,
            listener,
        })
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    btree_map(texts(), rule(), 0..4).prop_map(|rules| {
        let named = rules.into_iter().map(|(name, rule)| Rule { name, ..rule });
        named.collect()
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let week = 7 * 24 * 3_600_000;
    let times = (durations(1000, week), durations(0, week), durations(0, week));
    let counts = (1..=1_000_000_000_u64).prop_flat_map(|threshold| (Just(threshold), 1..=threshold));
    let per = subsequence(Per::ALL.to_vec(), 0..=Per::ALL.len()).prop_shuffle();
    (matches(), counts, times, per, select(Severity::ALL.to_vec())).prop_map(
        |(matches, (threshold, resolve_below), (window, hold, resolve_after), per, severity)| Rule {
            name: String::new(),
            matches,
            threshold,
            window,
            per,
            hold,
            severity,
            resolve_below,
            resolve_after,
        },
    )
}

fn matches() -> impl Strategy<Value = Matches> {
    let verdicts = subsequence(Verdict::ALL.to_vec(), 0..4).prop_shuffle();
    let other_classes = subsequence(Class::ALL.to_vec(), 0..3);
    (verdicts, other_classes, option::of(select(Role::ALL.to_vec()))).prop_map(|(verdicts, others, role)| {
        // Classes, if there are any, have all verdicts in them.
        let of_verdicts = verdicts.iter().map(|verdict| verdict.class());
        let mut classes: BTreeSet<Class> = others.iter().copied().collect();
        if !classes.is_empty() {
            classes.extend(of_verdicts);
        } else if verdicts.is_empty() {
            classes.insert(Class::Watch);
        }
        Matches {
            verdicts,
            classes: classes.into_iter().collect(),
            role,
        }
    })
}

fn sinks() -> impl Strategy<Value = Sinks> {
    let webhook = "https?://[a-z]{1,8}(\\.[a-z]{1,4})?(:[1-9][0-9]{1,3})?(/[a-zA-Z0-9%=?&-]{0,8}){0,2}";
    let alertmanager = "https?://[a-z]{1,8}(:[1-9][0-9]{1,3})?(/[a-z]{1,8}){0,2}";
    let label = "[a-z][a-zA-Z0-9]{0,3}_[a-z0-9]{0,3}";
    (
        any::<bool>(),
        any::<bool>(),
        btree_set(webhook, 0..3),
        btree_set(alertmanager, 0..3),
        btree_map(label, texts(), 0..3),
    )
        .prop_map(|(log, journal, webhooks, alertmanagers, labels)| Sinks {
            log,
            journal,
            webhooks: webhooks.into_iter().collect(),
            alertmanagers: alertmanagers.into_iter().collect(),
            labels,
        })
}
