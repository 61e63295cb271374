//! How far a verdict can be trusted.

use super::case::Case;
use super::kind::Verdict;

/// How far a verdict can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Confidence {
    /// Every input came from its best source.
    High,
    /// The diagnosis says what is in doubt.
    Low,
}

impl Confidence {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Low => "low",
        }
    }
}

/// What makes the confidence low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// An input came from a fallback.
    Fallback,
    /// The method is unknown: were it CONNECT, the verdict would be another.
    Method,
    /// It is not known whether the answer was passed on from the upstream hop.
    Relay,
    /// A browser that connects in advance sends no request for the name it dialled, and then coalesces.
    Preconnect,
}

pub(super) fn doubt(case: &Case<'_>, verdict: Verdict) -> Option<Doubt> {
    let facts = case.facts;
    if facts.fallback {
        Some(Doubt::Fallback)
    } else if facts.method.is_none() && !matches!(verdict, Verdict::Aborted | Verdict::InsufficientEvidence) {
        Some(Doubt::Method)
    } else if verdict == Verdict::Relayed421 && !facts.learned.upstream_421 {
        Some(Doubt::Relay)
    } else if verdict == Verdict::Split421 && facts.protocol.is_multiplexed() {
        Some(Doubt::Preconnect)
    } else {
        None
    }
}
