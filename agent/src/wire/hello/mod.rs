//! From the kernel's records to ClientHellos, each told once.
//!
//! ```text
//! Segment ──▶ Tcp ──▶ records ─┐
//!                              ├─▶ Told ──▶ Seen: complete, retried, repeated, or what kept it from that
//! Datagram ─▶ Quic ─▶ frames ──┘
//! ```
//! Whatever peers send, what is kept is bounded: [`FLOWS`] of each transport in progress, with [`OCTETS`] in all,
//! [`LONGEST`] of each, for [`AGE`].

mod bounds;
mod connection;
mod quic;
mod seen;
mod tcp;
#[cfg(test)]
mod tests;
mod told;

pub use bounds::{AGE, FLOWS, LONGEST, OCTETS};
pub use seen::{Flow, Outcome, Seen};

use crate::decode::{Datagram, Segment};
use quic::Quic;
use tcp::Tcp;
use told::Told;

/// Puts ClientHellos together.
#[derive(Default)]
pub struct Assembler {
    tcp: Tcp,
    quic: Quic,
    told: Told,
}

impl Assembler {
    /// Takes part of a TCP stream, and appends what follows from it to `out`.
    pub fn segment(&mut self, segment: &Segment<'_>, out: &mut Vec<Seen>) {
        self.expire(segment.header.time, out);
        self.tcp.segment(segment, &mut self.told, out);
    }

    /// Takes a UDP datagram, and appends what follows from it to `out`.
    pub fn datagram(&mut self, datagram: &Datagram<'_>, out: &mut Vec<Seen>) {
        self.expire(datagram.header.time, out);
        self.quic.datagram(datagram, &mut self.told, out);
    }

    /// Gives up what has waited for longer than [`AGE`], and appends it to `out`. `now` is in the clock of the
    /// records. Records do this too; it is for when none come.
    pub fn expire(&mut self, now: u64, out: &mut Vec<Seen>) {
        let oldest = now.saturating_sub(AGE);
        self.tcp.expire(oldest, out);
        self.quic.expire(oldest, out);
        self.told.expire(oldest);
    }

    /// Octets kept of what is in progress, an allowance for each piece included: at most [`OCTETS`] of each
    /// transport.
    pub fn weight(&self) -> usize {
        self.tcp.weight() + self.quic.weight()
    }
}
