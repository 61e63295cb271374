//! One QUIC connection, as far as its client's Initial packets.

use super::bounds::{LONGEST, PIECES};
use super::seen::{Outcome, Place, Seen};
use super::told::Told;
use crate::wire::quic::Version;
use crate::wire::quic::frame::{self, Crypto};
use crate::wire::quic::keys::{Keys, Opened};
use crate::wire::quic::packet::Initial;
use crate::wire::record;
use crate::wire::stream::Stream;

/// A QUIC connection.
///
/// ```text
/// Waiting ──ClientHello──▶ Told ──second ClientHello──▶ Told
///    └──────fault───────────┴──▶ Failed
/// ```
pub(super) struct Connection {
    version: Version,
    /// Where the first packet went, from which the keys follow.
    original: Box<[u8]>,
    keys: Keys,
    /// One more than the largest packet number so far.
    next: u64,
    /// Handshake messages that are not told yet.
    stream: Stream,
    /// Octets of messages before them.
    consumed: u64,
    state: State,
    contradicting: bool,
    /// Of the first octets that are not told yet.
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Told,
    Failed,
}

impl Connection {
    pub(super) fn new(first: &Initial<'_>, keys: Keys, place: Place) -> Self {
        Self {
            version: first.version,
            original: first.destination.into(),
            keys,
            next: 0,
            stream: Stream::default(),
            consumed: 0,
            state: State::Waiting,
            contradicting: false,
            place,
        }
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }

    pub(super) fn weight(&self) -> usize {
        self.stream.weight()
    }

    /// Whether its ClientHello is not complete.
    pub(super) fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// Whether a ClientHello has begun that is not complete.
    pub(super) fn is_unfinished(&self) -> bool {
        self.is_waiting() || self.stream.pieces() > 0
    }

    /// Whether a packet goes where the first one went.
    pub(super) fn began_with(&self, packet: &Initial<'_>) -> bool {
        self.version == packet.version && *self.original == *packet.destination
    }

    /// Opens a packet, if it is of this connection.
    pub(super) fn open(&self, packet: &Initial<'_>) -> Option<Opened> {
        if self.version == packet.version {
            self.keys.open(packet, self.next)
        } else {
            None
        }
    }

    /// Takes a packet. `true` if it completed a ClientHello.
    pub(super) fn take(
        &mut self,
        packet: &Opened,
        place: Place,
        told: &mut Told,
        out: &mut Vec<Seen>,
    ) -> bool {
        self.next = self.next.max(packet.number + 1);
        if self.state == State::Failed {
            return false;
        }
        if let Err(outcome) = self.add(&packet.payload, place, out) {
            self.fail(outcome, out);
            return false;
        }
        match self.tell(told, out) {
            Ok(complete) => complete,
            Err(outcome) => {
                self.fail(outcome, out);
                false
            }
        }
    }

    fn add(&mut self, payload: &[u8], place: Place, out: &mut Vec<Seen>) -> Result<(), Outcome> {
        for Crypto { offset, octets } in frame::crypto(payload).ok_or(Outcome::Malformed)? {
            let known = usize::try_from(self.consumed.saturating_sub(offset)).unwrap_or(usize::MAX);
            let Some(octets @ [_, ..]) = octets.get(known..) else {
                continue;
            };
            let offset = usize::try_from(offset.saturating_sub(self.consumed)).unwrap_or(usize::MAX);
            if offset.saturating_add(octets.len()) > LONGEST {
                return Err(Outcome::TooLong);
            }
            if self.stream.pieces() == 0 {
                self.place = place;
            }
            if !self.stream.add(offset, octets) && !self.contradicting {
                self.contradicting = true;
                out.push(self.place.seen(Outcome::Contradicting, None));
            }
            if self.stream.pieces() > PIECES {
                return Err(Outcome::Crowded);
            }
        }
        Ok(())
    }

    fn tell(&mut self, told: &mut Told, out: &mut Vec<Seen>) -> Result<bool, Outcome> {
        let mut complete = false;
        loop {
            let length = record::needed(self.stream.start())?;
            let Some(message) = self.stream.start().get(..length) else {
                return Ok(complete);
            };
            out.extend(told.message(message, &self.place)?);
            self.stream.consume(length);
            self.consumed += length as u64;
            self.state = State::Told;
            complete = true;
        }
    }

    fn fail(&mut self, outcome: Outcome, out: &mut Vec<Seen>) {
        self.state = State::Failed;
        self.stream = Stream::default();
        out.push(self.place.seen(outcome, None));
    }
}
