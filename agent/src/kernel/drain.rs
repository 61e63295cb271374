//! Takes records out of the ring buffers.

use std::{io, time::Duration};

use aya::maps::{Map, MapData, MapError, RingBuf};
use ebpf::record::Kind;
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::timeout,
};

/// How often the rings are looked at: within this time a record is taken that wakes nobody, and no ring must fill.
const LOOK: Duration = Duration::from_millis(10);
/// Records of packets that are taken for one of a connection, at most: more than a ring of [`super::Limits::wire`]
/// bytes holds, so that what was there before is taken in any case.
const WIRE_AT_ONCE: usize = 1 << 14;

/// The reader of both ring buffers: of connections, and of packets.
///
/// A ClientHello passes on the wire before its connection is told of. So all packets that wait are taken before a
/// connection is.
pub struct Drain {
    records: AsyncFd<RingBuf<MapData>>,
    wire: AsyncFd<RingBuf<MapData>>,
    /// Whether the last look left records behind.
    more: bool,
}

impl Drain {
    pub(super) fn new(records: Map, wire: Map) -> Result<Self, DrainError> {
        Ok(Self {
            records: waitable(records)?,
            wire: waitable(wire)?,
            more: false,
        })
    }

    /// Waits for records and hands each to `take`; returns after about `most` of each ring, or ten milliseconds after
    /// it began if there are none. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Returns the error of waiting on a ring's descriptor.
    pub async fn records(&mut self, most: usize, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        if self.more {
            tokio::task::yield_now().await;
        } else {
            let woken = async {
                tokio::select! {
                    ready = self.records.readable_mut() => ready?.clear_ready(),
                    ready = self.wire.readable_mut() => ready?.clear_ready(),
                }
                io::Result::Ok(())
            };
            if let Ok(woken) = timeout(LOOK, woken).await {
                woken?;
            }
        }
        let (records, wire) = (self.records.get_mut(), self.wire.get_mut());
        self.more = !pass(wire, most, &mut take);
        for _ in 0..most {
            let Some(record) = records.next() else {
                return Ok(());
            };
            if is_connection(&record) {
                pass(wire, WIRE_AT_ONCE, &mut take);
            }
            take(&record);
        }
        self.more = true;
        Ok(())
    }
}

/// Hands at most `most` records on, and tells whether these were all.
fn pass(ring: &mut RingBuf<MapData>, most: usize, take: &mut impl FnMut(&[u8])) -> bool {
    for _ in 0..most {
        let Some(record) = ring.next() else {
            return true;
        };
        take(&record);
    }
    false
}

fn is_connection(record: &[u8]) -> bool {
    record
        .first_chunk()
        .is_some_and(|kind| u32::from_ne_bytes(*kind) == Kind::Connection as u32)
}

fn waitable(map: Map) -> Result<AsyncFd<RingBuf<MapData>>, DrainError> {
    let ring = RingBuf::try_from(map)?;
    // SAFETY: the ring owns its descriptor for as long as it lives, and names no other.
    let ring = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) };
    Ok(ring.map_err(io::Error::from)?)
}

/// Why there is no reader.
#[derive(Debug, thiserror::Error)]
pub(super) enum DrainError {
    /// The map is not what it should be.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The descriptor cannot be waited for.
    #[error(transparent)]
    Wait(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Limits;

    #[test]
    fn what_waits_in_a_full_ring_is_taken_at_once() {
        // Each record has 8 bytes in front of it, and a slot.
        let smallest = 8 + size_of::<ebpf::record::SegmentHeader>() + 640;
        assert!(usize::try_from(Limits::default().wire).unwrap() / smallest < WIRE_AT_ONCE);
    }

    #[test]
    fn connections_are_told_by_their_kind() {
        assert!(is_connection(&(Kind::Connection as u32).to_ne_bytes()));
        assert!(!is_connection(&(Kind::Data as u32).to_ne_bytes()));
        assert!(!is_connection(&[1, 0, 0]));
    }
}
