//! Why the kernel side could not keep something. Each fault is a slot of the loss counters.

/// A loss in the kernel. The numbers are part of the contract: append-only, starting at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Fault {
    /// The ring buffer had no room for a record.
    RingFull = 1,
    /// The connection table was full: a new connection is not observed.
    ConnectionsFull = 2,
    /// The table of threads inside TLS calls was full: a call is not observed.
    CallsFull = 3,
    /// TLS calls were nested deeper on one thread than the table holds.
    CallsNested = 4,
    /// A call returned whose entry was not seen.
    EntryMissed = 5,
    /// The application's memory could not be read: the page was not resident.
    UserMemory = 6,
    /// One call carried more messages or frames than a program may walk.
    CallTooLong = 7,
    /// A connection object has no version of TLS where the library keeps it: nothing of it is read. QUIC's objects
    /// pass through the same functions.
    Object = 8,
    /// More requests were in flight on a connection than the framing keeps account of.
    Pipeline = 9,
    /// Two sources named different sockets for one connection; it stays without one.
    SocketConflict = 10,
    /// The probe had no cookie, or one that names no library.
    Cookie = 11,
    /// A message broke HTTP's framing rules: the rest of the connection is not read. Where it was entered in the
    /// middle, it is looked for another place to enter.
    Framing = 12,
    /// A field of a connection object has a value that it cannot have: that fact stays unknown.
    Fact = 13,
    /// The ring buffer of packets had no room for a record.
    WireFull = 14,
    /// So many TCP connections began at once that one whose ClientHello had not been seen is not followed any more.
    FlowsFull = 15,
    /// A ClientHello is longer than is followed.
    HelloTooLong = 16,
    /// A ClientHello came in more segments than are followed.
    HelloScattered = 17,
    /// A TCP segment came in IP fragments, which are not put together.
    Fragment = 18,
    /// A packet has more VLAN tags or IPv6 extension headers than are looked past.
    HeadersDeep = 19,
}

impl Fault {
    /// Slots of the counter map.
    pub const SLOTS: u32 = 32;

    /// Every fault, in the order of its number.
    pub const ALL: [Self; 19] = [
        Self::RingFull,
        Self::ConnectionsFull,
        Self::CallsFull,
        Self::CallsNested,
        Self::EntryMissed,
        Self::UserMemory,
        Self::CallTooLong,
        Self::Object,
        Self::Pipeline,
        Self::SocketConflict,
        Self::Cookie,
        Self::Framing,
        Self::Fact,
        Self::WireFull,
        Self::FlowsFull,
        Self::HelloTooLong,
        Self::HelloScattered,
        Self::Fragment,
        Self::HeadersDeep,
    ];

    /// The metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RingFull => "ring_full",
            Self::ConnectionsFull => "connections_full",
            Self::CallsFull => "calls_full",
            Self::CallsNested => "calls_nested",
            Self::EntryMissed => "entry_missed",
            Self::UserMemory => "user_memory",
            Self::CallTooLong => "call_too_long",
            Self::Object => "object",
            Self::Pipeline => "pipeline",
            Self::SocketConflict => "socket_conflict",
            Self::Cookie => "cookie",
            Self::Framing => "framing",
            Self::Fact => "fact",
            Self::WireFull => "wire_full",
            Self::FlowsFull => "flows_full",
            Self::HelloTooLong => "hello_too_long",
            Self::HelloScattered => "hello_scattered",
            Self::Fragment => "fragment",
            Self::HeadersDeep => "headers_deep",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_fit_the_counters() {
        for (index, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, index + 1);
            assert!((fault as u32) < Fault::SLOTS);
        }
    }
}
