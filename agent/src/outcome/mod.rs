//! What clients do after a 421: one outcome for each.
//!
//! ```text
//!        421 ──▶ waiting ──┬─ same connection ────────────▶ same_connection_retry
//!                          ├─ another, not 421 ───────────▶ cured
//!                          ├─ another, 421 ───────────────▶ second_421, then loop
//!                          └─ nothing in time ────────────▶ not_retried
//! cured, and 421 again ──▶ waiting, whatever follows ─────▶ ping_pong
//! ```
//! Sans-IO: exchanges and times in, outcomes out. Memory is bounded; what is given up for want of room is
//! `not_observable`.

mod chain;
mod ends;
mod tracker;

use std::net::IpAddr;
use std::time::Duration;

pub use ends::Place;
pub use tracker::Tracker;

/// What a client did after a 421.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It asked again on another connection, and got another answer.
    Cured,
    /// It asked again once, on another connection, and got 421 again.
    Second421,
    /// It did not ask again.
    NotRetried,
    /// It asked again on the same connection, which is not the retry that RFC 9110, section 15.5.20, allows.
    SameConnectionRetry,
    /// It goes on asking: this is the second 421 in a row or a later one, and yet another followed.
    Loop,
    /// It had been cured of the last 421, and was misdirected again.
    PingPong,
    /// What it did cannot be seen.
    NotObservable,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 7] = [
        Self::Cured,
        Self::Second421,
        Self::NotRetried,
        Self::SameConnectionRetry,
        Self::Loop,
        Self::PingPong,
        Self::NotObservable,
    ];

    /// The name in JSON and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cured => "cured",
            Self::Second421 => "second_421",
            Self::NotRetried => "not_retried",
            Self::SameConnectionRetry => "same_connection_retry",
            Self::Loop => "loop",
            Self::PingPong => "ping_pong",
            Self::NotObservable => "not_observable",
        }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Client {
    /// A process of this machine, all of whose connections are seen.
    Process(u32),
    /// Another machine, as a server of this one sees it. It may ask elsewhere too.
    Remote {
        /// Its address.
        address: IpAddr,
        /// A hash of its ClientHello's fingerprint, which tells apart the kinds of clients behind one address; 0 if
        /// unknown.
        fingerprint: u64,
    },
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// With 421.
    Misdirected,
    /// With another status.
    Other,
    /// It was not, or that is not known.
    Unknown,
}

/// One exchange, as the tracker asks about it. Times are nanoseconds of one clock.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Its number.
    pub exchange: u64,
    /// Who asked.
    pub client: Client,
    /// Effective authority, normalised.
    pub authority: &'a str,
    /// The connection's number.
    pub connection: u64,
    /// Position of the request on its connection, if that is known.
    pub request_number: Option<u64>,
    /// When the request began.
    pub requested_at: u64,
    /// When it was answered.
    pub answered_at: u64,
    /// How.
    pub answer: Answer,
}

/// What became of a 421.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The exchange that was answered 421.
    pub exchange: u64,
    /// What its client did.
    pub outcome: Outcome,
    /// The exchange that followed from it, if one did.
    pub retried_as: Option<u64>,
}

/// How long things belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// A request answers a 421 if it begins within this time after it. Its own answer is awaited for as long again.
    pub retry: Duration,
    /// A 421 within this time after the last one was cured is ping-pong.
    pub ping_pong: Duration,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            retry: Duration::from_secs(10),
            ping_pong: Duration::from_mins(5),
        }
    }
}

#[cfg(test)]
mod tests;
