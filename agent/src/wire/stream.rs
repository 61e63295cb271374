//! Puts octets of a stream together again that come in any order, and more than once.

use std::collections::BTreeMap;

/// What an island costs beside its octets: a bound, not a measurement.
const ISLAND: usize = 64;

/// Octets of a stream, by their offset. Those that came first stay.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Octets without a gap, by the offset of the first. No two of them touch.
    islands: BTreeMap<usize, Vec<u8>>,
    octets: usize,
}

impl Stream {
    /// The octets from the start to the first that is missing.
    pub(super) fn start(&self) -> &[u8] {
        self.islands.get(&0).map_or(&[], Vec::as_slice)
    }

    /// How many pieces there are with gaps between them.
    pub(super) fn pieces(&self) -> usize {
        self.islands.len()
    }

    /// What this costs, in octets of memory.
    pub(super) fn weight(&self) -> usize {
        self.octets + ISLAND * self.islands.len()
    }

    /// Adds octets. `false` if some of them contradict what was there.
    pub(super) fn add(&mut self, offset: usize, octets: &[u8]) -> bool {
        let (mut at, mut rest, mut agrees) = (offset, octets, true);
        while !rest.is_empty() {
            let known = self.known_from(at);
            let length = if known.is_empty() {
                let free = self
                    .islands
                    .range(at..)
                    .next()
                    .map_or(usize::MAX, |(next, _)| next - at);
                let length = rest.len().min(free);
                self.insert(at, &rest[..length]);
                length
            } else {
                let length = rest.len().min(known.len());
                agrees &= known[..length] == rest[..length];
                length
            };
            at += length;
            rest = &rest[length..];
        }
        agrees
    }

    /// Forgets the first `length` octets, which are part of [`Stream::start`], and counts offsets from behind them.
    pub(super) fn consume(&mut self, length: usize) {
        let islands = std::mem::take(&mut self.islands);
        self.octets = self.octets.saturating_sub(length);
        for (offset, mut octets) in islands {
            if offset == 0 {
                octets.drain(..length.min(octets.len()));
            }
            if !octets.is_empty() {
                self.islands.insert(offset.saturating_sub(length), octets);
            }
        }
    }

    /// The octets that are there without a gap from this one on.
    fn known_from(&self, at: usize) -> &[u8] {
        let before = self.islands.range(..=at).next_back();
        before
            .and_then(|(offset, octets)| octets.get(at - offset..))
            .unwrap_or_default()
    }

    /// Inserts octets that are not there, up to the next that is.
    fn insert(&mut self, at: usize, octets: &[u8]) {
        self.octets += octets.len();
        let behind = self.islands.remove(&(at + octets.len()));
        let before = self.islands.range_mut(..at).next_back();
        let island = match before {
            Some((offset, island)) if offset + island.len() == at => island,
            _ => self.islands.entry(at).or_default(),
        };
        island.extend_from_slice(octets);
        island.extend(behind.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pieces_join_when_the_gap_between_them_closes() {
        let mut stream = Stream::default();
        assert!(stream.add(4, b"ef"));
        assert!(stream.add(0, b"ab"));
        assert_eq!((stream.start(), stream.pieces()), (&b"ab"[..], 2));
        assert!(stream.add(1, b"bcde"));
        assert_eq!((stream.start(), stream.pieces()), (&b"abcdef"[..], 1));
        assert_eq!(stream.weight(), 6 + ISLAND);
    }

    #[test]
    fn what_came_first_stays() {
        let mut stream = Stream::default();
        assert!(stream.add(2, b"c"));
        assert!(!stream.add(0, b"abXd"));
        assert_eq!(stream.start(), b"abcd");
    }

    #[test]
    fn what_is_consumed_is_gone() {
        let mut stream = Stream::default();
        stream.add(0, b"abc");
        stream.add(5, b"f");
        stream.consume(2);
        assert_eq!(stream.start(), b"c");
        assert_eq!(stream.weight(), 2 + 2 * ISLAND);
        stream.add(1, b"de");
        assert_eq!(stream.start(), b"cdef");
    }

    proptest! {
        #[test]
        fn any_order_gives_the_same_octets(cuts in prop::collection::vec((0..300_usize, 1..40_usize), 0..60)) {
            let whole: Vec<u8> = (0..=255).chain(0..90).collect();
            let (mut stream, mut seen) = (Stream::default(), vec![false; whole.len()]);
            for (offset, length) in cuts {
                prop_assert!(stream.add(offset, &whole[offset..offset + length]));
                seen[offset..offset + length].fill(true);
            }
            let start = seen.iter().position(|seen| !seen).unwrap_or(seen.len());
            prop_assert_eq!(stream.start(), &whole[..start]);
            prop_assert_eq!(stream.octets, seen.iter().filter(|seen| **seen).count());
            let ends = (0..seen.len()).filter(|&at| seen[at] && !seen.get(at + 1).copied().unwrap_or_default());
            prop_assert_eq!(stream.pieces(), ends.count());
        }
    }
}
