//! Takes records out of the ring buffer.

use std::{io, time::Duration};

use aya::maps::{Map, MapData, MapError, RingBuf};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::timeout,
};

/// How often the ring is looked at: within this time a record is taken that wakes nobody, and the ring must not
/// fill.
const LOOK: Duration = Duration::from_millis(10);

/// The reader of the ring buffer.
pub struct Drain {
    ring: AsyncFd<RingBuf<MapData>>,
    /// Whether the last look left records behind.
    more: bool,
}

impl Drain {
    pub(super) fn new(map: Map) -> Result<Self, DrainError> {
        let ring = RingBuf::try_from(map)?;
        // SAFETY: the ring owns its descriptor for as long as it lives, and names no other.
        let ring = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) };
        let ring = ring.map_err(io::Error::from)?;
        Ok(Self { ring, more: false })
    }

    /// Waits for records and hands each to `take`; returns after at most `most` of them, or ten milliseconds after it began if
    /// there are none. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Returns the error of waiting on the ring's descriptor.
    pub async fn records(&mut self, most: usize, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        if self.more {
            tokio::task::yield_now().await;
        } else if let Ok(ready) = timeout(LOOK, self.ring.readable_mut()).await {
            ready?.clear_ready();
        }
        let ring = self.ring.get_mut();
        for _ in 0..most {
            let Some(record) = ring.next() else {
                self.more = false;
                return Ok(());
            };
            take(&record);
        }
        self.more = true;
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
