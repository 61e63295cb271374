//! Alerts: rules over verdicts, and what becomes of them.
//!
//! ```text
//! Observation ──▶ Engine ─ by verdict ─▶ rules ─ by labels ─▶ combinations ──▶ Change ──▶ sinks
//!                   ▲                                         window, phase
//!        time ──────┘
//! ```
//! Sans-IO: observations and times in, changes of alerts out.

mod change;
mod combination;
mod engine;
mod label;
#[cfg(test)]
mod model;
mod notice;
mod observation;
mod phase;
mod rule;
mod watch;
mod window;
mod words;

pub use change::{Alert, Change};
pub use engine::Engine;
pub use label::{OTHER, bounded};
pub use notice::Notice;
pub use observation::{Explanation, Observation};
pub use rule::{Matches, Per, Rule, Severity};
