//! How much is kept, so that no peer decides how much memory the agent uses.

/// How long parts of a ClientHello are waited for, and how long one that was told is remembered, in nanoseconds.
pub const AGE: u64 = 10_000_000_000;

/// Longest ClientHello, in octets of the stream that carries it, headers of records included. Those of browsers have
/// about 1,800; Go takes no message beyond 65,536.
pub const LONGEST: usize = 64 * 1024;

/// Flows of each transport whose ClientHello is in progress.
pub const FLOWS: usize = 1024;

/// Octets of each transport that are kept of ClientHellos in progress.
pub const OCTETS: usize = 4 * 1024 * 1024;

/// Pieces of one ClientHello with gaps between them. Each octet of one of browsers may come alone, and in any order.
pub(super) const PIECES: usize = 1024;

/// Flows whose ClientHello was told, or will not come, so that what is sent again is known.
pub(super) const FINISHED: usize = 4096;

/// ClientHellos that were told.
pub(super) const TOLD: usize = 4096;

/// Flows that are remembered of one ClientHello: a packet passes few interfaces of a machine under other addresses.
pub(super) const FLOWS_OF_ONE: usize = 16;

/// QUIC connections on one flow: after a Retry there is a second, and some clients use one port for all of theirs.
pub(super) const CONNECTIONS: usize = 16;
