//! ClientHellos in segments of TCP.

use super::bounds::{FINISHED, FLOWS, LONGEST, OCTETS, PIECES};
use super::seen::{Flow, Outcome, Place, Seen};
use super::told::Told;
use crate::decode::Segment;
use crate::wire::aging::Aging;
use crate::wire::client_hello::Transport;
use crate::wire::record::{self, Progress};
use crate::wire::stream::Stream;

/// Names a ClientHello: its flow, and the sequence number where it begins. So neither a second one on the same
/// connection nor a later connection with the same addresses is taken for it.
type Key = (Flow, u32);

/// ClientHellos in progress, and those that are done with.
pub(super) struct Tcp {
    open: Aging<Key, Open>,
    finished: Aging<Key, ()>,
    weight: usize,
}

struct Open {
    place: Place,
    stream: Stream,
    /// Octets that the stream must begin with before there is anything new to find in it.
    needed: usize,
    contradicting: bool,
}

impl Open {
    fn progress(&self) -> Progress<'_> {
        if self.stream.pieces() > PIECES {
            return Progress::Failed(Outcome::Crowded);
        }
        record::client_hello(self.stream.start())
    }

    /// Whether it is complete, or will never be.
    fn is_settled(&mut self) -> bool {
        if self.stream.start().len() < self.needed && self.stream.pieces() <= PIECES {
            return false;
        }
        match self.progress() {
            Progress::Need(needed) if needed <= LONGEST => {
                self.needed = needed;
                false
            }
            _ => true,
        }
    }
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            open: Aging::new(FLOWS),
            finished: Aging::new(FINISHED),
            weight: 0,
        }
    }
}

impl Tcp {
    pub(super) fn segment(&mut self, segment: &Segment<'_>, told: &mut Told, out: &mut Vec<Seen>) {
        let key = (Flow::from(&segment.flow), segment.first);
        if self.finished.contains(&key) {
            return;
        }
        let Some((offset, octets)) = within(segment) else {
            return;
        };
        let place = Place {
            transport: Transport::Tcp,
            flow: key.0,
            interface: segment.flow.interface,
            time: segment.header.time,
        };
        if self.open.contains(&key) {
            self.add(key, offset, octets, told, out);
            return;
        }
        // Nearly every ClientHello comes in one piece, which is not copied.
        let needed = if offset == 0 {
            match record::client_hello(octets) {
                Progress::Need(needed) if needed <= LONGEST => needed,
                progress => {
                    self.finish(key, place, progress, told, out);
                    return;
                }
            }
        } else {
            1
        };
        let open = Open {
            place,
            stream: Stream::default(),
            needed,
            contradicting: false,
        };
        if let Some((key, oldest)) = self.open.insert(key, place.time, open) {
            self.drop_open(key, &oldest, Outcome::Crowded, out);
        }
        self.add(key, offset, octets, told, out);
    }

    pub(super) fn expire(&mut self, oldest: u64, out: &mut Vec<Seen>) {
        while let Some((key, open)) = self.open.remove_older(oldest) {
            self.drop_open(key, &open, Outcome::Incomplete, out);
        }
        while self.finished.remove_older(oldest).is_some() {}
    }

    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    fn add(&mut self, key: Key, offset: usize, octets: &[u8], told: &mut Told, out: &mut Vec<Seen>) {
        let Some(open) = self.open.find(&key) else { return };
        let before = open.stream.weight();
        if !open.stream.add(offset, octets) && !open.contradicting {
            open.contradicting = true;
            out.push(open.place.seen(Outcome::Contradicting, None));
        }
        self.weight = self.weight + open.stream.weight() - before;
        if open.is_settled()
            && let Some(open) = self.open.remove(&key)
        {
            self.weight -= open.stream.weight();
            self.finish(key, open.place, open.progress(), told, out);
        }
        while self.weight > OCTETS
            && let Some((key, oldest)) = self.open.remove_oldest()
        {
            self.drop_open(key, &oldest, Outcome::Crowded, out);
        }
    }

    fn finish(
        &mut self,
        key: Key,
        place: Place,
        progress: Progress<'_>,
        told: &mut Told,
        out: &mut Vec<Seen>,
    ) {
        self.finished.insert(key, place.time, ());
        let outcome = match progress {
            Progress::Message(message) => match told.message(&message, &place) {
                Ok(seen) => {
                    out.extend(seen);
                    return;
                }
                Err(outcome) => outcome,
            },
            Progress::Need(_) => Outcome::TooLong,
            Progress::Failed(outcome) => outcome,
        };
        out.push(place.seen(outcome, None));
    }

    fn drop_open(&mut self, key: Key, open: &Open, outcome: Outcome, out: &mut Vec<Seen>) {
        self.weight -= open.stream.weight();
        self.finished.insert(key, open.place.time, ());
        out.push(open.place.seen(outcome, None));
    }
}

/// The octets of a segment that can be part of a ClientHello, and how many stand before them. Sequence numbers wrap
/// around: RFC 9293, section 3.4.
fn within<'a>(segment: &Segment<'a>) -> Option<(usize, &'a [u8])> {
    let distance = segment.sequence.wrapping_sub(segment.first).cast_signed();
    let before = usize::try_from(distance.min(0).unsigned_abs()).ok()?;
    let offset = usize::try_from(distance.max(0)).ok()?;
    let octets = segment.bytes.get(before..)?;
    let octets = &octets[..octets.len().min(LONGEST.saturating_sub(offset))];
    (!octets.is_empty()).then_some((offset, octets))
}
