//! ClientHellos that were told.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use super::bounds::{FLOWS_OF_ONE, TOLD};
use super::seen::{Flow, Outcome, Place, Seen};
use crate::wire::aging::Aging;
use crate::wire::client_hello::ClientHello;

/// ClientHellos that were told, by their random: where each was seen, and a hash of its octets.
pub(super) struct Told {
    hellos: Aging<[u8; 32], Vec<(Flow, u64)>>,
    hasher: RandomState,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            hellos: Aging::new(TOLD),
            hasher: RandomState::new(),
        }
    }
}

impl Told {
    /// Tells a message, unless the same was told of the same flow.
    ///
    /// # Errors
    /// Returns [`Outcome::Malformed`] if it is no ClientHello.
    pub(super) fn message(&mut self, message: &[u8], place: &Place) -> Result<Option<Seen>, Outcome> {
        let hello = ClientHello::parse(message, place.transport).map_err(|_| Outcome::Malformed)?;
        let outcome = self.outcome(hello.random, self.hasher.hash_one(message), place);
        Ok(outcome.map(|outcome| place.seen(outcome, Some(Arc::new(hello)))))
    }

    pub(super) fn expire(&mut self, oldest: u64) {
        while self.hellos.remove_older(oldest).is_some() {}
    }

    /// A second ClientHello has the random of the first, and differs from it otherwise. Translation of addresses and
    /// forwarding change nothing in it. Two that differ in both are of a client whose randoms are none.
    fn outcome(&mut self, random: [u8; 32], hash: u64, place: &Place) -> Option<Outcome> {
        let Some(known) = self.hellos.find(&random) else {
            self.hellos.insert(random, place.time, vec![(place.flow, hash)]);
            return Some(Outcome::Complete);
        };
        if known.contains(&(place.flow, hash)) {
            return None;
        }
        let outcome = if known.iter().any(|(_, other)| *other == hash) {
            Outcome::Repeated
        } else if known.iter().any(|(flow, _)| *flow == place.flow) {
            Outcome::Retried
        } else {
            Outcome::Complete
        };
        if known.len() < FLOWS_OF_ONE {
            known.push((place.flow, hash));
        }
        Some(outcome)
    }
}
