//! What an alert rule sees of an exchange.

use std::borrow::Cow;

use super::label::{UNKNOWN, bounded};
use super::rule::Per;
use crate::connection::Role;
use crate::verdict::Verdict;

/// An exchange, as far as rules ask about it.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// Its number.
    pub id: u64,
    /// What it is called.
    pub verdict: Verdict,
    /// The side it was seen from.
    pub role: Role,
    /// Whether the other end of its connection is seen as well, in a process of this machine.
    pub both_ends: bool,
    /// Server name of the ClientHello; `absent` if none was sent.
    pub sni: Option<&'a str>,
    /// Effective authority.
    pub authority: Option<&'a str>,
    /// File name of the server's executable.
    pub server: Option<&'a str>,
    /// File name of the client's executable, or its address.
    pub client: Option<&'a str>,
}

/// What an exchange means, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// What is wrong.
    pub diagnosis: String,
    /// What to change.
    pub remedy: String,
}

impl<'a> Observation<'a> {
    /// The value of a label.
    pub(super) fn value(&self, per: Per) -> Cow<'a, str> {
        let value = match per {
            Per::Verdict => return Cow::Borrowed(self.verdict.as_str()),
            Per::Sni => self.sni,
            Per::Authority => self.authority,
            Per::Server => self.server,
            Per::Client => self.client,
        };
        bounded(value.unwrap_or(UNKNOWN))
    }
}
