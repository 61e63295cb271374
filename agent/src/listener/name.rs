//! What is known of one name of a listener.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Seen;
use crate::connection::{Alpn, Process, Role};

/// Different protocols and versions that are kept for one name.
const KEPT: usize = 8;

/// Whether connections for a name have to show a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Demand {
    /// None is asked for.
    None,
    /// One is asked for, and the handshake goes on without it; the server may still refuse requests.
    Requested,
    /// Without one the handshake fails.
    Required,
}

impl Demand {
    /// From OpenSSL's `SSL_VERIFY_*` of a server: `SSL_VERIFY_PEER` is 1, `SSL_VERIFY_FAIL_IF_NO_PEER_CERT` 2 and
    /// ignored without it (`SSL_CTX_set_verify(3)`).
    pub const fn of_verify_mode(mode: u8) -> Self {
        match mode & 3 {
            1 => Self::Requested,
            3 => Self::Required,
            _ => Self::None,
        }
    }

    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Requested => "requested",
            Self::Required => "required",
        }
    }
}

/// What is known of the connections that were made for one name, or without one.
#[derive(Clone, Debug)]
pub struct Name {
    /// When it was first and last seen, nanoseconds since the Unix epoch.
    pub first: u64,
    /// As [`Self::first`].
    pub last: u64,
    /// Requests on them.
    pub requests: u64,
    /// How many of those were answered 421.
    pub misdirected: u64,
    /// When a request for the name itself was last answered as only somebody does who serves it; `None`: never.
    pub served: Option<u64>,
    /// Names of the certificate that was presented last.
    pub certificate_names: Option<Arc<[String]>>,
    /// Whether the latest demanded a client certificate; `None` if that is not known, as on the client's side.
    pub demand: Option<Demand>,
    /// Versions of TLS.
    pub versions: BTreeSet<u16>,
    /// Protocols that ALPN chose.
    pub protocols: BTreeSet<String>,
    /// Who answered last, if it is on this machine.
    pub process: Option<Arc<Process>>,
}

impl Name {
    pub(super) const fn new(time: u64) -> Self {
        Self {
            first: time,
            last: time,
            requests: 0,
            misdirected: 0,
            served: None,
            certificate_names: None,
            demand: None,
            versions: BTreeSet::new(),
            protocols: BTreeSet::new(),
            process: None,
        }
    }

    pub(super) fn add(&mut self, seen: &Seen<'_>) {
        let connection = seen.connection;
        self.last = self.last.max(seen.time);
        self.requests += 1;
        if seen.status == Some(421) {
            self.misdirected += 1;
        }
        if seen.sni.is_some() && seen.sni == seen.authority && seen.status.is_some_and(is_served) {
            self.served = self.served.max(Some(seen.time));
        }
        if let Some(names) = &connection.certificate_names
            && self.certificate_names.as_ref() != Some(names)
        {
            self.certificate_names = Some(Arc::clone(names));
        }
        if seen.role == Role::Server {
            if let Some(mode) = connection.verify_mode {
                self.demand = Some(Demand::of_verify_mode(mode));
            }
            self.answered_by(&connection.process);
        } else if let Some(pair) = &connection.pair {
            self.answered_by(&pair.process);
        }
        if connection.version != 0 && self.versions.len() < KEPT {
            self.versions.insert(connection.version);
        }
        if let Alpn::Chosen(protocol) = &connection.alpn
            && !self.protocols.contains(protocol)
            && self.protocols.len() < KEPT
        {
            self.protocols.insert(protocol.clone());
        }
    }

    fn answered_by(&mut self, process: &Arc<Process>) {
        if self
            .process
            .as_ref()
            .is_none_or(|known| !Arc::ptr_eq(known, process))
        {
            self.process = Some(Arc::clone(process));
        }
    }
}

/// Whether somebody who serves the name answers so. 400, 403, 404 and 421 are how servers refuse a name, and failures
/// of the 5xx class prove nothing.
const fn is_served(status: u16) -> bool {
    !matches!(status, 400 | 403 | 404 | 421) && status < 500
}
