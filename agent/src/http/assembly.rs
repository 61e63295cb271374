//! Puts the pieces of one head or frame together again.

use std::borrow::Cow;

use super::conversation::Piece;
use super::loss::{Loss, Losses};

/// Longest head or frame kept, in octets. What goes beyond is cut off.
pub(super) const LONGEST: usize = 64 * 1024;

/// A head or frame, as much of it as there is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unit<'a> {
    /// Its first octets.
    pub(super) bytes: Cow<'a, [u8]>,
    /// Whether `bytes` is all of it.
    pub(super) whole: bool,
    /// When its first piece passed, in nanoseconds.
    pub(super) began: u64,
    /// When its latest piece passed, in nanoseconds.
    pub(super) ended: u64,
}

impl<'a> Unit<'a> {
    fn begin(piece: &Piece<'a>) -> Self {
        Self {
            bytes: Cow::Borrowed(&[]),
            whole: true,
            began: piece.time,
            ended: piece.time,
        }
    }

    fn extend(&mut self, piece: &Piece<'a>, losses: &mut Losses) {
        let kept = piece.bytes.len().min(LONGEST - self.bytes.len());
        if self.bytes.is_empty() {
            self.bytes = Cow::Borrowed(&piece.bytes[..kept]);
        } else {
            self.bytes.to_mut().extend_from_slice(&piece.bytes[..kept]);
        }
        self.ended = piece.time;
        if kept < piece.bytes.len() && self.whole {
            losses.add(Loss::TooLong);
            self.whole = false;
        }
    }

    fn into_owned(self) -> Unit<'static> {
        Unit {
            bytes: Cow::Owned(self.bytes.into_owned()),
            whole: self.whole,
            began: self.began,
            ended: self.ended,
        }
    }
}

/// The assembly of one direction.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    open: Option<Unit<'static>>,
}

impl Assembly {
    /// Adds a piece, and returns what it cut off and what it completed, in this order. What comes in one piece, as
    /// nearly everything does, is not copied.
    pub(super) fn add<'a>(
        &mut self,
        piece: &Piece<'a>,
        losses: &mut Losses,
    ) -> (Option<Unit<'a>>, Option<Unit<'a>>) {
        let cut_off = if piece.start { self.cut_off(losses) } else { None };
        let open = if piece.start {
            Some(Unit::begin(piece))
        } else {
            self.open.take()
        };
        let Some(mut unit) = open else {
            losses.add(Loss::Orphan);
            return (None, None);
        };
        unit.extend(piece, losses);
        if piece.end {
            return (cut_off, Some(unit));
        }
        self.open = Some(unit.into_owned());
        (cut_off, None)
    }

    /// No further piece of an open head or frame will come: returns what there is of it.
    pub(super) fn cut_off(&mut self, losses: &mut Losses) -> Option<Unit<'static>> {
        let unit = self.open.take()?;
        losses.add(Loss::Truncated);
        Some(Unit { whole: false, ..unit })
    }
}

#[cfg(test)]
mod tests {
    use ebpf::record::{Content, Direction};

    use super::*;
    use crate::http::conversation::Entry;

    fn piece(bytes: &[u8], start: bool, end: bool, time: u64) -> Piece<'_> {
        Piece {
            direction: Direction::Read,
            content: Content::Http1Head,
            start,
            end,
            entry: Entry::Start,
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
                bytes: b"abc".into(),
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
