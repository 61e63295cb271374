//! The verdict: one pure, total function from the facts of an exchange to what the exchange is called.
//!
//! ```text
//! Facts -> authority (what the request names) -> case (names compared) -> decide (the table) -> Verdict
//!                                                                      -> confidence, explain -> Judgement
//! ```

mod authority;
mod case;
mod certificate;
mod confidence;
mod decide;
mod explain;
mod facts;
pub mod json;
mod kind;
pub mod name;

pub use authority::{Effective, Malformed, Source, effective_authority, is_tunnel};
pub use certificate::{ADDRESS_PREFIX, covers};
pub use confidence::Confidence;
pub use facts::{Facts, Field, Learned, Prior, Protocol, SniState, Status};
pub use kind::{Class, NoSuchVerdict, Verdict};

use case::Case;

/// Decides on one exchange, as [`judge`] does, without the words.
pub fn decide(facts: &Facts<'_>) -> Decision {
    decide_for(facts, effective_authority(facts))
}

/// Decides on one exchange of which it is known already what the request names: `effective` has to be what
/// [`effective_authority`] makes of `facts`.
pub fn decide_for(facts: &Facts<'_>, effective: Effective) -> Decision {
    let case = Case::with(facts, effective);
    let verdict = decide::decide(&case);
    Decision {
        verdict,
        confidence: confidence(confidence::doubt(&case, verdict).is_some()),
        effective: case.effective,
    }
}

/// A verdict without its explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the exchange is called.
    pub verdict: Verdict,
    /// How far that can be trusted.
    pub confidence: Confidence,
    /// What the request names.
    pub effective: Effective,
}

/// Judges one exchange. Every input has exactly one answer, and the same one each time.
pub fn judge(facts: &Facts<'_>) -> Judgement {
    let case = Case::new(facts);
    let verdict = decide::decide(&case);
    let doubt = confidence::doubt(&case, verdict);
    Judgement {
        verdict,
        confidence: confidence(doubt.is_some()),
        diagnosis: explain::diagnosis(&case, verdict, doubt),
        remedy: explain::remedy(&case, verdict),
    }
}

const fn confidence(doubtful: bool) -> Confidence {
    if doubtful {
        Confidence::Low
    } else {
        Confidence::High
    }
}

/// A verdict with its explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What the exchange is called.
    pub verdict: Verdict,
    /// How far that can be trusted.
    pub confidence: Confidence,
    /// What happened, in words, with the names that were seen.
    pub diagnosis: String,
    /// What to change, and why that.
    pub remedy: String,
}
