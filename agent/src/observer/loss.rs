//! What was seen of connections but could not be kept or understood.

use super::Output;

/// The loss stage of this part of the agent.
pub const STAGE: &str = "connection";

/// Why something of a connection was lost. Labels of `wrongway_losses_total{stage="connection"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// A certificate was too long to copy.
    CertificateTooLong,
    /// A certificate is none, or its names could not be read.
    CertificateUnreadable,
    /// Data came of a connection whose own record was lost.
    UnknownConnection,
    /// The library says that the process is one side, its requests that it is the other.
    RoleConflict,
    /// The library names another server than the ClientHello on the wire.
    NameConflict,
    /// ClientHellos with the same random name different servers: one of them was made up.
    HelloConflict,
    /// More than one socket of the process could be the connection's.
    SocketAmbiguous,
    /// A listener has more names than are remembered of one.
    ListenerNames,
}

impl Loss {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::CertificateTooLong,
        Self::CertificateUnreadable,
        Self::UnknownConnection,
        Self::RoleConflict,
        Self::NameConflict,
        Self::HelloConflict,
        Self::SocketAmbiguous,
        Self::ListenerNames,
    ];

    /// One of them, as the observer tells it.
    pub(super) const fn told(self) -> Output {
        Output::Lost {
            stage: STAGE,
            reason: self.as_str(),
            count: 1,
        }
    }

    /// The metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CertificateTooLong => "certificate_too_long",
            Self::CertificateUnreadable => "certificate_unreadable",
            Self::UnknownConnection => "unknown_connection",
            Self::RoleConflict => "role_conflict",
            Self::NameConflict => "name_conflict",
            Self::HelloConflict => "hello_conflict",
            Self::SocketAmbiguous => "socket_ambiguous",
            Self::ListenerNames => "listener_names",
        }
    }
}
