//! A connection with its conversation.

use std::sync::Arc;

use ebpf::record::{Direction, END, RESYNCHRONISED, START};

use crate::{
    connection::{Facts, Socket},
    decode::Data,
    http::{Conversation, Entry, Exchange, Losses, Piece},
};

/// A connection under observation.
pub(super) struct Tracked {
    facts: Arc<Facts>,
    conversation: Conversation,
    /// Number of the next record of each direction.
    next: [u32; 2],
    /// Sockets that it was asked about whether its process has them.
    asked: Vec<Socket>,
    /// Whether more than one socket of its process could be its own.
    ambiguous: bool,
    /// Whether it was told.
    told: bool,
    /// Whether it was told that its requests go the wrong way.
    complained: bool,
    /// Number of the first record since each direction was entered.
    entry: [u32; 2],
}

impl Tracked {
    pub(super) fn new(facts: Facts) -> Self {
        let conversation = Conversation::new(facts.from_start);
        Self {
            facts: Arc::new(facts),
            conversation,
            next: [0; 2],
            asked: Vec::new(),
            ambiguous: false,
            told: false,
            complained: false,
            entry: [0; 2],
        }
    }

    /// What is to be told when it is first told.
    pub(super) fn tell(&mut self) -> Arc<Facts> {
        self.told = true;
        Arc::clone(&self.facts)
    }

    pub(super) const fn is_told(&self) -> bool {
        self.told
    }

    /// Which way its requests go, once that is known.
    pub(super) fn request_direction(&self) -> Option<Direction> {
        self.conversation.request_direction()
    }

    /// Whether this is the first time that its requests are found to go the wrong way.
    pub(super) const fn complain(&mut self) -> bool {
        !std::mem::replace(&mut self.complained, true)
    }

    /// Which of several sockets is its own cannot be known.
    pub(super) const fn set_ambiguous(&mut self) {
        self.ambiguous = true;
    }

    pub(super) const fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }

    /// Whether this is the first time that this socket is asked about.
    pub(super) fn ask(&mut self, socket: Socket) -> bool {
        let new = !self.asked.contains(&socket);
        if new {
            self.asked.push(socket);
        }
        new
    }

    pub(super) const fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// Changes the facts; exchanges judged before keep those of their time.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Facts)) {
        change(Arc::make_mut(&mut self.facts));
    }

    pub(super) fn data(&mut self, data: &Data<'_>, out: &mut Vec<Exchange>) {
        let next = &mut self.next[data.direction as usize];
        if data.sequence != *next {
            self.conversation.gap(data.direction);
        }
        *next = data.sequence.wrapping_add(1);
        let entry = std::mem::replace(&mut self.entry[data.direction as usize], data.entry);
        let piece = Piece {
            direction: data.direction,
            content: data.content,
            start: data.flags & START != 0,
            end: data.flags & END != 0,
            entry: if data.entry != entry {
                Entry::Again
            } else if data.flags & RESYNCHRONISED != 0 {
                Entry::Late
            } else {
                Entry::Start
            },
            offset: data.offset,
            time: data.header.time,
            bytes: data.bytes,
        };
        self.conversation.piece(&piece, out);
    }

    /// The connection ended after this many records of each direction; those that did not arrive were lost.
    pub(super) fn expect_no_more(&mut self, sequences: [u32; 2]) {
        for direction in [Direction::Read, Direction::Write] {
            if sequences[direction as usize] != self.next[direction as usize] {
                self.conversation.gap(direction);
            }
        }
    }

    pub(super) fn close(&mut self, time: u64, out: &mut Vec<Exchange>) {
        self.conversation.close(time, out);
    }

    /// Whether anything was lost since [`Self::losses`] was last called.
    pub(super) fn has_losses(&self) -> bool {
        self.conversation.has_losses()
    }

    /// What was lost since the last call.
    pub(super) fn losses(&mut self) -> Losses {
        self.conversation.losses()
    }
}
