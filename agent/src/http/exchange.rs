//! One request with its response.

use std::borrow::Cow;
use std::sync::Arc;

use ebpf::record::Direction;

/// A fact that may be unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// It was seen.
    Yes(T),
    /// It was not, and nothing is said about it.
    Unknown,
}

impl<T> Known<T> {
    /// The fact, if it is known.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Yes(fact) => Some(fact),
            Self::Unknown => None,
        }
    }

    /// The fact, if it is known.
    pub const fn as_option(&self) -> Option<&T> {
        match self {
            Self::Yes(fact) => Some(fact),
            Self::Unknown => None,
        }
    }
}

/// Version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1, and any HTTP/1 whose minor version is higher or could not be read: RFC 9112, section 2.3 has
    /// them treated alike.
    Http11,
    /// HTTP/2.
    H2,
}

impl Protocol {
    /// Every version.
    pub const ALL: [Self; 3] = [Self::Http10, Self::Http11, Self::H2];

    /// As the public contract spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "http/1.0",
            Self::Http11 => "http/1.1",
            Self::H2 => "h2",
        }
    }
}

/// The authority a request names other than in `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// Whether there was one could not be seen.
    Unknown,
    /// There was none: origin-form or asterisk-form in HTTP/1, no `:authority` in HTTP/2. `Host` decides.
    Absent,
    /// There was one.
    Present {
        /// As sent.
        value: String,
        /// Where it stood.
        source: AuthoritySource,
    },
}

impl Authority {
    /// The authority as sent, if there was one.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Present { value, .. } => Some(value),
            Self::Unknown | Self::Absent => None,
        }
    }
}

/// Where an authority stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthoritySource {
    /// In `:authority`: RFC 9113, section 8.3.1.
    Pseudo,
    /// In an absolute-form target: RFC 9112, section 3.2.2.
    Absolute,
    /// It was the authority-form target of a CONNECT: RFC 9112, section 3.2.3.
    Connect,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// With a final response of this status code, 0 to 999.
    Code(u16),
    /// Without a final response: the stream was reset or the connection closed.
    NoneCame,
    /// A response came, or may have come, but its status could not be seen.
    Unknown,
}

/// How sure it is that the response answers this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pairing {
    /// Beyond doubt.
    Certain,
    /// The connection was entered late, and only if the client pipelines (HTTP/1) and had a request under way at
    /// that time, the response could be to that one.
    Assumed,
}

/// The names that earlier requests of a connection were for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Different ones, as sent, in the order of their first appearance; at most [`EARLIER`].
    pub names: Arc<[Box<str>]>,
    /// Whether every earlier request was seen and its name is among them.
    pub complete: bool,
}

/// Names of earlier requests that are kept.
pub const EARLIER: usize = 16;

impl Earlier {
    /// Nothing came before; `from_start`: nor was missed.
    pub(super) fn none(from_start: bool) -> Self {
        Self {
            names: Arc::from([]),
            complete: from_start,
        }
    }

    /// Adds a request, and tells what was earlier than it.
    pub(super) fn advance(&mut self, head: &RequestHead) -> Self {
        let before = self.clone();
        let name = match (&head.authority, &head.host) {
            (Authority::Present { value, .. }, _) => Some(value.as_str()),
            (Authority::Absent, Known::Yes(hosts)) => match &hosts[..] {
                [host] => Some(host.as_str()),
                // Without one name, it is for none.
                _ => return before,
            },
            (Authority::Absent | Authority::Unknown, _) => None,
        };
        match name {
            Some(name) if self.names.iter().any(|known| **known == *name) => {}
            Some(name) if self.names.len() < EARLIER => {
                self.names = self.names.iter().cloned().chain([name.into()]).collect();
            }
            Some(_) | None => self.complete = false,
        }
        before
    }

    /// Requests were missed.
    pub(super) const fn missed(&mut self) {
        self.complete = false;
    }
}

/// One request with its response, told once, when it is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Position of the request on its connection, from 1, in the order in which requests began; `None` if
    /// earlier ones may have been missed.
    pub request_number: Option<u64>,
    /// HTTP/2 stream; `None` in HTTP/1.
    pub stream_id: Option<u32>,
    /// Version of HTTP, the request's.
    pub protocol: Protocol,
    /// Which way the request went.
    pub request_direction: Direction,
    /// Method, as sent.
    pub method: Known<Cow<'static, str>>,
    /// The authority named other than in `Host`.
    pub authority: Authority,
    /// Values of all `Host` fields, in order, as sent; empty if there was none.
    pub host: Known<Vec<String>>,
    /// Whether it is an extended CONNECT, that is, has `:protocol`: RFC 8441, section 4.
    pub extended_connect: Known<bool>,
    /// How it ended.
    pub status: Status,
    /// How sure it is that `status` belongs to this request.
    pub pairing: Pairing,
    /// What earlier requests of the connection were for.
    pub earlier: Earlier,
    /// When the request's head began; nanoseconds, in the clock of the pieces.
    pub requested_at: u64,
    /// When the final response's head began; `None` if none was seen. Same clock.
    pub answered_at: Option<u64>,
    /// When it was known to be complete. Same clock.
    pub completed_at: u64,
}

impl Exchange {
    /// Whether the authority this request is for can be told at all: it stands in the request, or its absence
    /// and all `Host` fields were seen.
    pub const fn names_are_known(&self) -> bool {
        match self.authority {
            Authority::Present { .. } => true,
            Authority::Absent => matches!(self.host, Known::Yes(_)),
            Authority::Unknown => false,
        }
    }
}

/// Methods that are not copied: RFC 9110, section 9.3, and RFC 5789.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// A method as it is kept.
pub(super) fn kept_method(method: &str) -> Cow<'static, str> {
    match METHODS.into_iter().find(|known| *known == method) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(method.to_owned()),
    }
}

/// What a request's head says; becomes part of an [`Exchange`].
#[derive(Debug)]
pub(super) struct RequestHead {
    pub(super) protocol: Protocol,
    pub(super) method: Known<Cow<'static, str>>,
    pub(super) authority: Authority,
    pub(super) host: Known<Vec<String>>,
    pub(super) extended_connect: Known<bool>,
}

impl RequestHead {
    /// A head of which nothing could be read.
    pub(super) const fn unknown(protocol: Protocol) -> Self {
        Self {
            protocol,
            method: Known::Unknown,
            authority: Authority::Unknown,
            host: Known::Unknown,
            extended_connect: match protocol {
                Protocol::H2 => Known::Unknown,
                Protocol::Http10 | Protocol::Http11 => Known::Yes(false),
            },
        }
    }
}
