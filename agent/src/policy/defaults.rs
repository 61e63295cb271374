//! What is in force where the file says nothing.

use std::time::Duration;

use super::Policy;
use crate::alert::{Matches, Per, Rule, Severity};
use crate::verdict::{Class, Verdict};

/// `threshold` of a rule.
pub(super) const THRESHOLD: u64 = 1;
/// `window` of a rule.
pub(super) const WINDOW: Duration = Duration::from_mins(10);
/// `severity` of a rule.
pub(super) const SEVERITY: Severity = Severity::Warning;

impl Policy {
    /// The policy of an agent without a policy file: nobody is trusted, nothing is hidden, and a few rules alert.
    pub fn standard() -> Self {
        Self {
            rules: rules(),
            ..Self::default()
        }
    }
}

/// The rules of a file without any `[[alert]]`.
pub(super) fn rules() -> Vec<Rule> {
    explained().into_iter().map(|(_, rule)| rule).collect()
}

/// These rules, each with what it is for.
pub(super) fn explained() -> [(&'static str, Rule); 6] {
    [
        (
            "A name that demands a client certificate was served on a connection that gave none: access control is\n\
             bypassed. Once is enough.",
            Rule {
                severity: Severity::Critical,
                per: vec![Per::Server, Per::Authority],
                ..of_verdict("mtls_bypass", Verdict::MtlsBypass)
            },
        ),
        (
            "Another name's backend answered: somebody may have seen another tenant's data. Once is enough.",
            Rule {
                severity: Severity::Critical,
                per: vec![Per::Server, Per::Authority],
                ..of_verdict("wrong_backend", Verdict::WrongBackend)
            },
        ),
        (
            "421 where none was due: requests fail that were right. The server's configuration is at fault.",
            Rule {
                threshold: 5,
                resolve_below: 2,
                per: vec![Per::Server],
                ..of_class("wrong_421", Class::Wrong421)
            },
        ),
        (
            "No 421 where one was due: the server answers on connections that were made for somebody else.",
            Rule {
                threshold: 5,
                resolve_below: 2,
                per: vec![Per::Server],
                ..of_class("missing_421", Class::Missing421)
            },
        ),
        (
            "A wave of 421 because a proxy sends no server name, as after an upgrade of the server behind it.",
            Rule {
                threshold: 10,
                window: Duration::from_mins(5),
                resolve_below: 2,
                per: vec![Per::Server, Per::Client],
                ..of_verdict("no_sni_421", Verdict::NoSni421)
            },
        ),
        (
            "421 because a client's connection pool mixes names: some requests fail, some do not.",
            Rule {
                threshold: 10,
                window: Duration::from_mins(5),
                resolve_below: 2,
                per: vec![Per::Server, Per::Client],
                ..of_verdict("pool_bleed_421", Verdict::PoolBleed421)
            },
        ),
    ]
}

fn of_verdict(name: &str, verdict: Verdict) -> Rule {
    let matches = Matches {
        verdicts: vec![verdict],
        ..Matches::default()
    };
    rule(name, matches)
}

fn of_class(name: &str, class: Class) -> Rule {
    let matches = Matches {
        classes: vec![class],
        ..Matches::default()
    };
    rule(name, matches)
}

fn rule(name: &str, matches: Matches) -> Rule {
    Rule {
        name: name.to_owned(),
        matches,
        threshold: THRESHOLD,
        window: WINDOW,
        per: Vec::new(),
        hold: Duration::ZERO,
        severity: SEVERITY,
        resolve_below: THRESHOLD,
        resolve_after: Duration::ZERO,
    }
}
