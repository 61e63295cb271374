//! An exchange as the decision asks about it: facts with their names compared.

use super::authority::{Effective, effective_authority};
use super::certificate::covers;
use super::facts::{Facts, SniState};
use super::name::{Host, normalise, normalise_server_name};

/// The facts of one exchange, and what its request names.
pub(super) struct Case<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) effective: Effective,
    pub(super) sni: Sni<'a>,
}

/// The server name, with no room for a name that was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sni<'a> {
    Sent(&'a str),
    Absent,
    OuterOnly,
    Unknown,
}

impl<'a> Case<'a> {
    pub(super) fn new(facts: &'a Facts<'_>) -> Self {
        Self::with(facts, effective_authority(facts))
    }

    pub(super) fn with(facts: &'a Facts<'_>, effective: Effective) -> Self {
        Self {
            facts,
            effective,
            sni: match (facts.sni_state, &facts.sni) {
                (SniState::Sent, Some(name)) => Sni::Sent(name),
                (SniState::Absent, _) => Sni::Absent,
                (SniState::OuterOnly, _) => Sni::OuterOnly,
                (SniState::Sent, None) | (SniState::Unknown, _) => Sni::Unknown,
            },
        }
    }

    /// Whether the SNI equals `host`.
    pub(super) fn dialled(&self, host: &Host) -> bool {
        match self.sni {
            Sni::Sent(name) => host.is_written(name) || normalise_server_name(name).as_ref() == Ok(host),
            Sni::Absent | Sni::OuterOnly | Sni::Unknown => false,
        }
    }

    /// Whether the certificate covers `host`; `None` if its names are unknown.
    pub(super) fn covered(&self, host: &Host) -> Option<bool> {
        let names = self.facts.certificate_names.as_ref()?;
        Some(covers(names, host))
    }

    /// Whether an earlier request of the connection named another host; `None` if that is unknown.
    ///
    /// Ports do not count, and neither does what is no authority: it was never a name to be served.
    pub(super) fn reused(&self, host: &Host) -> Option<bool> {
        let prior = &self.facts.prior_authorities;
        let another =
            |raw: &str| !host.is_written(raw) && normalise(raw).is_ok_and(|earlier| earlier.host != *host);
        if prior.names.iter().any(|raw| another(raw)) {
            return Some(true);
        }
        prior.complete.then_some(false)
    }
}
