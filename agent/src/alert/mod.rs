//! Alerts: rules over verdicts, and what becomes of them.
//!
//! Sans-IO: observations and times in, changes of alerts out.

mod rule;

pub use rule::{Matches, Per, Rule, Severity};
