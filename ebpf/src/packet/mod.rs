//! The headers of a packet, from the link's to TCP's and UDP's.
//!
//! Read through a trait, so that one reading serves tc, XDP and tests.

#![expect(
    clippy::inline_always,
    reason = "the verifier follows calls anew for each caller's state; inlined code it prunes"
)]
#![expect(
    clippy::many_single_char_names,
    reason = "bytes that are taken apart and put together again have no better names"
)]

pub mod link;
pub mod network;
#[cfg(test)]
pub(crate) mod samples;
pub mod tcp;
pub mod udp;

/// A packet, from its Ethernet header on.
pub trait Packet {
    /// Bytes of it. One that will be cut into segments only later counts whole.
    fn length(&self) -> u32;

    /// Bytes of payload that each segment will have, where the packet will be cut only later; otherwise 0.
    fn segment_size(&self) -> u32;

    /// The bytes at `offset`, if the packet has them all.
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]>;

    /// Copies `count` bytes from `offset` on, and tells whether it could.
    ///
    /// # Safety
    /// `to` must be valid for writes of `count` bytes.
    unsafe fn copy(&self, offset: u32, to: *mut u8, count: u32) -> bool;

    /// The same number. The verifier follows a program once for each value that it knows, and where several numbers
    /// are known, for each combination: so it is made to forget.
    fn forgotten(&self, number: u32) -> u32 {
        number
    }
}

/// Why a packet is looked at no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// It carries nothing that could be a ClientHello.
    Other,
    /// Its headers are cut off or contradict each other: no receiver takes it.
    Malformed,
    /// It begins a TCP segment that was cut into IP fragments.
    Fragment,
    /// It has more VLAN tags or IPv6 extension headers than are looked past.
    Deep,
}

/// The number in the two bytes at `at`, which the array must have.
#[inline(always)]
const fn number<const N: usize>(bytes: &[u8; N], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
