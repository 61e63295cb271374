//! Whether what the kernel took for frames is frames, on a connection that was entered in the middle.
//!
//! ```text
//!                          a request since               another
//!                          was answered                  request
//!  late attach ──> Entered ───────────────> Answered ───────────────> Proven
//!                     ^                         │                        │
//!                     └─────────────────────────┴────────────────────────┘
//!                       entered again, or two frames contradict each other
//! ```
//!
//! A body may hold octets that are frames, and a direction may have been entered there: at the next frame that is
//! not part of the body it is right again, or found to be wrong. What came before that may never be believed, however
//! well the frames that follow fit. When that is over nothing tells; but a body cannot make the other side answer, nor
//! ask. So the first answer to a request that was seen ends what is doubtful in the direction of requests, and the
//! next request what is doubtful in that of responses: it, and those after it, on streams above all that were seen
//! until then, are believed. For one of them to be wrong, a single DATA frame would have to hold it and the request
//! before it, both for streams that were waiting already, and to last until the first of them was answered.

/// How far the frames of a connection are to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// The connection was seen from its start: there is nothing to prove.
    Needless,
    /// It was entered in the middle.
    Entered,
    /// It was, and a request has been answered since: requests that come now are believed.
    Answered,
    /// It was, and a request has come since the first answer: all that comes now is believed.
    Proven {
        /// Whether every request since then was seen.
        whole: bool,
    },
}

impl Proof {
    /// Of a connection of which nothing was seen yet.
    pub(super) const fn new(from_start: bool) -> Self {
        if from_start { Self::Needless } else { Self::Entered }
    }

    /// Whether requests that come now are believed.
    pub(super) const fn is_given(self) -> bool {
        !matches!(self, Self::Entered)
    }

    /// Whether frames that contradict each other mean that one of them is none.
    pub(super) const fn is_needed(self) -> bool {
        !matches!(self, Self::Needless)
    }

    /// Whether the request of an answer must have been seen.
    pub(super) const fn has_every_request(self) -> bool {
        matches!(self, Self::Proven { whole: true })
    }

    /// Requests were missed.
    pub(super) const fn missed(&mut self) {
        if let Self::Proven { whole } = self {
            *whole = false;
        }
    }
}
