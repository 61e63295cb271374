//! Puts the pieces of one head or frame together again.

use super::conversation::Piece;
use super::loss::{Loss, Losses};

/// Longest head or frame kept, in octets. What goes beyond is cut off.
pub(super) const LONGEST: usize = 64 * 1024;

/// A head or frame, as much of it as there is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// Its first octets.
    pub(super) bytes: Vec<u8>,
    /// Whether `bytes` is all of it.
    pub(super) whole: bool,
    /// When its first piece passed, in nanoseconds.
    pub(super) began: u64,
    /// When its latest piece passed, in nanoseconds.
    pub(super) ended: u64,
}

/// The assembly of one direction.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    open: Option<Unit>,
}

impl Assembly {
    /// Adds a piece, and returns what it cut off and what it completed, in this order.
    pub(super) fn add(&mut self, piece: &Piece<'_>, losses: &mut Losses) -> (Option<Unit>, Option<Unit>) {
        let cut_off = if piece.start { self.cut_off(losses) } else { None };
        if piece.start {
            self.open = Some(Unit {
                bytes: Vec::new(),
                whole: true,
                began: piece.time,
                ended: piece.time,
            });
        }
        let Some(unit) = &mut self.open else {
            losses.add(Loss::Orphan);
            return (None, None);
        };
        let kept = piece.bytes.len().min(LONGEST - unit.bytes.len());
        unit.bytes.extend_from_slice(&piece.bytes[..kept]);
        unit.ended = piece.time;
        if kept < piece.bytes.len() && unit.whole {
            losses.add(Loss::TooLong);
            unit.whole = false;
        }
        (cut_off, if piece.end { self.open.take() } else { None })
    }

    /// No further piece of an open head or frame will come: returns what there is of it.
    pub(super) fn cut_off(&mut self, losses: &mut Losses) -> Option<Unit> {
        let unit = self.open.take()?;
        losses.add(Loss::Truncated);
        Some(Unit { whole: false, ..unit })
    }
}

#[cfg(test)]
mod tests {
    use ebpf::record::{Content, Direction};

    use super::*;

    fn piece(bytes: &[u8], start: bool, end: bool, time: u64) -> Piece<'_> {
        Piece {
            direction: Direction::Read,
            content: Content::Http1Head,
            start,
            end,
            resynchronised: false,
            offset: 0,
            time,
            bytes,
        }
    }

    #[test]
    fn joins_pieces_and_keeps_the_times_of_the_first_and_the_last() {
        let (mut assembly, mut losses) = (Assembly::default(), Losses::default());
        assert_eq!(
            assembly.add(&piece(b"ab", true, false, 1), &mut losses),
            (None, None)
        );
        let (_, unit) = assembly.add(&piece(b"c", false, true, 2), &mut losses);
        assert_eq!(
            unit.unwrap(),
            Unit {
                bytes: b"abc".to_vec(),
                whole: true,
                began: 1,
                ended: 2
            }
        );
        assert!(losses.is_empty());
    }

    #[test]
    fn a_start_cuts_off_what_was_open() {
        let (mut assembly, mut losses) = (Assembly::default(), Losses::default());
        assembly.add(&piece(b"ab", true, false, 1), &mut losses);
        let (cut_off, unit) = assembly.add(&piece(b"c", true, true, 2), &mut losses);
        assert!(!cut_off.unwrap().whole);
        assert!(unit.unwrap().whole);
        assert_eq!(losses.count(Loss::Truncated), 1);
    }

    #[test]
    fn a_continuation_of_nothing_is_counted() {
        let (mut assembly, mut losses) = (Assembly::default(), Losses::default());
        assert_eq!(
            assembly.add(&piece(b"c", false, true, 2), &mut losses),
            (None, None)
        );
        assert_eq!(losses.count(Loss::Orphan), 1);
    }

    #[test]
    fn what_exceeds_the_bound_is_cut_off_and_counted_once() {
        let (mut assembly, mut losses) = (Assembly::default(), Losses::default());
        let chunk = vec![b'x'; LONGEST / 2 + 1];
        assembly.add(&piece(&chunk, true, false, 1), &mut losses);
        assembly.add(&piece(&chunk, false, false, 1), &mut losses);
        let (_, unit) = assembly.add(&piece(&chunk, false, true, 1), &mut losses);
        let unit = unit.unwrap();
        assert!(!unit.whole);
        assert_eq!(unit.bytes.len(), LONGEST);
        assert_eq!(losses.count(Loss::TooLong), 1);
    }
}
