//! What is known of listeners, learned from their traffic.
//!
//! | fact | evidence | without it |
//! |---|---|---|
//! | `known` | a request for the name, on a connection made for the name, was answered with a status that is neither a refusal (400, 403, 404, 421) nor a failure (5xx) | not known |
//! | `mtls_gap` | the latest connection made for the name demanded a client certificate (`SSL_VERIFY_FAIL_IF_NO_PEER_CERT`), and this one did not even ask for one | not a gap |
//!
//! `same_listener` and `wrong_backend` are not learned. That two names never differed in what was seen does not make
//! their TLS settings equal, and that a name was always served elsewhere may be chance: either would accuse somebody
//! on a guess. The first can be configured; the second has no evidence here.

mod name;
mod place;

use std::sync::Arc;

use hashbrown::HashMap;

pub use name::{Demand, Name};
pub use place::Place;

use crate::connection::{Facts, Role};
use crate::verdict::Learned;

/// How much is remembered; every number is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Listeners.
    pub listeners: usize,
    /// Names of each.
    pub names: usize,
    /// A listener or name that was not seen for this long is forgotten; nanoseconds.
    pub age: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            listeners: 1024,
            names: 256,
            age: 24 * 3600 * 1_000_000_000,
        }
    }
}

/// One exchange, as a listener is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its connection.
    pub connection: &'a Facts,
    /// Which side of it was seen.
    pub role: Role,
    /// What the connection was made for, normalised; `None` if no name was sent.
    pub sni: Option<&'a str>,
    /// What the request is for, normalised.
    pub authority: Option<&'a str>,
    /// Final status code, if one came.
    pub status: Option<u16>,
    /// When, nanoseconds since the Unix epoch.
    pub time: u64,
}

/// What is known of one listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where it is.
    pub place: Place,
    /// When it was first and last seen, nanoseconds since the Unix epoch.
    pub first: u64,
    /// As [`Self::first`].
    pub last: u64,
    /// By the server name of the connections, normalised.
    names: HashMap<Box<str>, Name>,
    /// Of connections without a server name.
    nameless: Option<Name>,
    /// Exchanges whose name found no room.
    pub unkept: u64,
}

/// Listeners, by place.
#[derive(Debug, Default)]
pub struct Listeners {
    limits: Limits,
    listeners: HashMap<Place, Listener>,
}

impl Listeners {
    /// Replaces the limits, from the next exchange on.
    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// What was learned before this exchange that bears on it.
    pub fn learned(&self, seen: &Seen<'_>) -> Learned {
        let mut learned = Learned::default();
        if seen.sni == seen.authority {
            return learned;
        }
        let name = Place::of(seen.connection, seen.role)
            .and_then(|place| self.listeners.get(&place))
            .and_then(|listener| listener.names.get(seen.authority?))
            .filter(|name| seen.time.saturating_sub(name.last) <= self.limits.age);
        if let Some(name) = name {
            learned.known = name
                .served
                .is_some_and(|served| seen.time.saturating_sub(served) <= self.limits.age);
            let demanded = name.demand == Some(Demand::Required);
            let asked = seen.connection.verify_mode.map(Demand::of_verify_mode);
            learned.mtls_gap = demanded && seen.role == Role::Server && asked == Some(Demand::None);
        }
        learned
    }

    /// Learns from an exchange. False if it found no room.
    pub fn learn(&mut self, seen: &Seen<'_>) -> bool {
        let Some(place) = Place::of(seen.connection, seen.role) else {
            return true;
        };
        if self.listeners.len() >= self.limits.listeners && !self.listeners.contains_key(&place) {
            self.forget_oldest(seen.time);
        }
        let listener = self.listeners.entry(place).or_insert_with(|| Listener {
            place,
            first: seen.time,
            last: seen.time,
            names: HashMap::new(),
            nameless: None,
            unkept: 0,
        });
        listener.last = listener.last.max(seen.time);
        let name = match seen.sni {
            None => listener.nameless.get_or_insert_with(|| Name::new(seen.time)),
            Some(sni) => {
                if let Some(name) = listener.names.get_mut(sni) {
                    name
                } else {
                    if listener.names.len() >= self.limits.names {
                        let oldest = seen.time.saturating_sub(self.limits.age);
                        listener.names.retain(|_, name| name.last >= oldest);
                    }
                    if listener.names.len() >= self.limits.names {
                        listener.unkept += 1;
                        return false;
                    }
                    let new = listener.names.entry(sni.into());
                    new.or_insert_with(|| Name::new(seen.time))
                }
            }
        };
        name.add(seen);
        true
    }

    /// From the first seen to the last.
    pub fn iter(&self) -> impl Iterator<Item = &Listener> {
        let mut listeners: Vec<&Listener> = self.listeners.values().collect();
        listeners.sort_by_key(|listener| (listener.first, listener.place));
        listeners.into_iter()
    }

    /// Makes room: gives up what is too old, or else what was not seen for the longest time.
    fn forget_oldest(&mut self, now: u64) {
        let oldest = now.saturating_sub(self.limits.age);
        self.listeners.retain(|_, listener| listener.last >= oldest);
        if self.listeners.len() >= self.limits.listeners
            && let Some(place) = self
                .listeners
                .values()
                .min_by_key(|listener| listener.last)
                .map(|listener| listener.place)
        {
            self.listeners.remove(&place);
        }
    }
}

impl Listener {
    /// What is known of its names, in alphabetical order; of connections without one first.
    pub fn names(&self) -> impl Iterator<Item = (Option<&str>, &Name)> {
        let mut names: Vec<(Option<&str>, &Name)> = self
            .names
            .iter()
            .map(|(name, known)| (Some(&**name), known))
            .collect();
        names.extend(self.nameless.iter().map(|known| (None, known)));
        names.sort_by_key(|(name, _)| *name);
        names.into_iter()
    }

    /// Who answered last: the process, if it is on this machine.
    pub fn process(&self) -> Option<&Arc<crate::connection::Process>> {
        let names = self.names.values().chain(&self.nameless);
        names
            .max_by_key(|name| name.last)
            .and_then(|name| name.process.as_ref())
    }
}

#[cfg(test)]
mod tests;
