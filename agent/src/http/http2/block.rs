//! Header blocks: a HEADERS or `PUSH_PROMISE` frame and its CONTINUATIONs, RFC 9113, section 4.3.

use std::borrow::Cow;

use crate::http::assembly::LONGEST;

/// Which frame began a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opener {
    /// HEADERS: the block belongs to the stream.
    Headers,
    /// `PUSH_PROMISE`: the block is a request of the server's own making. No client sent it, so it is no exchange.
    PushPromise,
}

/// A header block, complete or not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block<'a> {
    /// What began it.
    pub(super) opener: Opener,
    /// The stream it came on.
    pub(super) stream: u32,
    /// Its octets.
    pub(super) bytes: Cow<'a, [u8]>,
    /// Whether octets were cut off, because there were more than [`LONGEST`].
    pub(super) cut_off: bool,
    /// When its first frame began, in nanoseconds.
    pub(super) began: u64,
}

impl<'a> Block<'a> {
    /// The block that a frame begins.
    pub(super) fn new(opener: Opener, stream: u32, fragment: &'a [u8], began: u64) -> Self {
        Self {
            opener,
            stream,
            bytes: Cow::Borrowed(fragment),
            cut_off: false,
            began,
        }
    }

    /// Adds what a CONTINUATION carries.
    pub(super) fn extend(&mut self, fragment: &[u8]) {
        let kept = fragment.len().min(LONGEST.saturating_sub(self.bytes.len()));
        self.bytes.to_mut().extend_from_slice(&fragment[..kept]);
        self.cut_off |= kept < fragment.len();
    }

    /// The block as it waits for the frames that complete it.
    pub(super) fn into_owned(self) -> Block<'static> {
        Block {
            opener: self.opener,
            stream: self.stream,
            bytes: Cow::Owned(self.bytes.into_owned()),
            cut_off: self.cut_off,
            began: self.began,
        }
    }
}
