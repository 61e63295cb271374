//! What is told of a ClientHello.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use ebpf::record;
use serde::{Deserialize, Serialize};

use crate::wire::client_hello::{ClientHello, Transport};

/// Source and destination of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// The client, if the packet is part of a ClientHello.
    pub source: SocketAddr,
    /// The server, if the packet is part of a ClientHello.
    pub destination: SocketAddr,
}

impl From<&record::Flow> for Flow {
    /// The addresses as IPv4 where they are IPv4 mapped into IPv6. Those of a family that is neither are unknown, and
    /// unspecified.
    fn from(flow: &record::Flow) -> Self {
        const AF_INET: u16 = 2;
        const AF_INET6: u16 = 10;
        let address = |octets: [u8; 16]| match flow.family {
            AF_INET => IpAddr::from([octets[0], octets[1], octets[2], octets[3]]),
            AF_INET6 => IpAddr::from(octets).to_canonical(),
            _ => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        Self {
            source: SocketAddr::new(address(flow.source), flow.source_port),
            destination: SocketAddr::new(address(flow.destination), flow.destination_port),
        }
    }
}

/// What became of what looked like a ClientHello: labels of `wrongway_client_hellos_total{result}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A ClientHello, seen for the first time.
    Complete,
    /// The second ClientHello of its connection, after a HelloRetryRequest (RFC 8446, section 4.1.4).
    Retried,
    /// A ClientHello that was told already, on another flow: addresses were translated, or it was forwarded.
    Repeated,
    /// Parts of it did not come in time.
    Incomplete,
    /// It is longer than is kept.
    TooLong,
    /// It breaks the rules of its grammar.
    Malformed,
    /// More was in progress than is kept, and this had waited longest, or came in too many pieces.
    Crowded,
    /// Bytes came twice and differed. The first were taken, so that the ClientHello is told as well, but a server may
    /// have taken the others.
    Contradicting,
    /// Neither TLS nor QUIC of a known version.
    NotTls,
    /// Not from a client, or of a connection whose start was not seen.
    NotClient,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 10] = [
        Self::Complete,
        Self::Retried,
        Self::Repeated,
        Self::Incomplete,
        Self::TooLong,
        Self::Malformed,
        Self::Crowded,
        Self::Contradicting,
        Self::NotTls,
        Self::NotClient,
    ];

    /// The metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Retried => "retried",
            Self::Repeated => "repeated",
            Self::Incomplete => "incomplete",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Crowded => "crowded",
            Self::Contradicting => "contradicting",
            Self::NotTls => "not_tls",
            Self::NotClient => "not_client",
        }
    }
}

/// A ClientHello, or what is told of what might have been one.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What carried it.
    pub transport: Transport,
    /// What became of it.
    pub result: Outcome,
    /// The ClientHello, with [`Outcome::Complete`], [`Outcome::Retried`] and [`Outcome::Repeated`].
    pub hello: Option<Arc<ClientHello>>,
    /// The flow.
    pub flow: Flow,
    /// Index of the interface where its first bytes were seen.
    pub interface: u32,
    /// When its first bytes passed, in nanoseconds of `CLOCK_BOOTTIME`.
    pub time: u64,
}

/// Where the first bytes of something were seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) transport: Transport,
    pub(super) flow: Flow,
    pub(super) interface: u32,
    pub(super) time: u64,
}

impl Place {
    pub(super) const fn seen(&self, result: Outcome, hello: Option<Arc<ClientHello>>) -> Seen {
        let Self {
            transport,
            flow,
            interface,
            time,
        } = *self;
        Seen {
            transport,
            result,
            hello,
            flow,
            interface,
            time,
        }
    }
}
