//! Takes records out of the ring buffer.

use std::io;

use aya::maps::{Map, MapData, MapError, RingBuf};
use tokio::io::{Interest, unix::AsyncFd};

/// The reader of the ring buffer.
pub struct Drain {
    ring: AsyncFd<RingBuf<MapData>>,
}

impl Drain {
    pub(super) fn new(map: Map) -> Result<Self, DrainError> {
        let ring = RingBuf::try_from(map)?;
        // SAFETY: the ring owns its descriptor for as long as it lives, and names no other.
        let ring = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) };
        let ring = ring.map_err(io::Error::from)?;
        Ok(Self { ring })
    }

    /// Waits for records and hands each to `take`; returns after at most `most` of them.
    ///
    /// # Errors
    /// Returns the error of waiting on the ring's descriptor.
    pub async fn records(&mut self, most: usize, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        let mut ready = self.ring.readable_mut().await?;
        for _ in 0..most {
            let Some(record) = ready.get_inner_mut().next() else {
                ready.clear_ready();
                break;
            };
            take(&record);
        }
        Ok(())
    }
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
