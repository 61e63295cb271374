//! What a good on-call engineer would say about a verdict: what happened, and what to change.

mod diagnosis;
mod remedy;
mod words;

pub(super) use diagnosis::diagnosis;
pub(super) use remedy::remedy;
