//! The counters of `wrongway_exchanges_total`, found by index: an exchange costs one addition, not a search for
//! its labels.

use std::sync::OnceLock;

use prometheus::{IntCounter, IntCounterVec};

use crate::connection::Role;
use crate::http::Protocol;
use crate::verdict::Verdict;

/// The family with its counters. One comes into being when it is first asked for, so that combinations that
/// never occur are not shown.
pub(super) struct Exchanges {
    family: IntCounterVec,
    counters: [[[OnceLock<IntCounter>; Verdict::ALL.len()]; Protocol::ALL.len()]; Role::ALL.len()],
}

impl Exchanges {
    pub(super) fn new(family: IntCounterVec) -> Self {
        Self {
            family,
            counters: [const { [const { [const { OnceLock::new() }; Verdict::ALL.len()] }; Protocol::ALL.len()] };
                Role::ALL.len()],
        }
    }

    pub(super) fn of(&self, role: Role, protocol: Protocol, verdict: Verdict) -> &IntCounter {
        self.counters[role as usize][protocol as usize][verdict as usize].get_or_init(|| {
            let labels = [role.as_str(), protocol.as_str(), verdict.as_str()];
            self.family.with_label_values(&labels)
        })
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Opts;

    use super::*;

    #[test]
    fn every_combination_has_a_counter_of_its_own() {
        let opts = Opts::new("exchanges", "exchanges");
        let family = IntCounterVec::new(opts, &["role", "protocol", "verdict"]).unwrap();
        let exchanges = Exchanges::new(family.clone());
        for role in Role::ALL {
            for protocol in Protocol::ALL {
                for verdict in Verdict::ALL {
                    let counter = exchanges.of(role, protocol, verdict);
                    counter.inc();
                    let labels = [role.as_str(), protocol.as_str(), verdict.as_str()];
                    assert_eq!(family.with_label_values(&labels).get(), 1, "{labels:?}");
                    assert_eq!(counter.get(), 1, "{labels:?}");
                }
            }
        }
    }
}
