//! What the fields of one header block say: RFC 9113, section 8.3.

use std::borrow::Cow;

use crate::http::bounds;
use crate::http::exchange::{Authority, AuthoritySource, Known, Protocol, RequestHead, kept_method};
use crate::http::hpack::Name;
use crate::http::loss::{Loss, Losses};

/// What a header block is, as its pseudo-fields tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// The head of a request.
    Request,
    /// The head of a response, final or interim.
    Response,
    /// Neither: trailers. Pseudo-fields come before all others, so a regular field in front is enough.
    Trailers,
    /// Too much is unknown.
    Unclear,
}

/// A status as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseStatus {
    /// 100 to 199: another head follows.
    Interim,
    /// A final status code.
    Final(u16),
    /// There is one, but it was not seen.
    Unknown,
}

/// A pseudo-field that may occur once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Once<T> {
    #[default]
    Absent,
    Value(T),
    /// It occurred, but without a value that can be told: not seen, too long, or given twice.
    Unclear,
}

impl<T> Once<T> {
    /// Takes what occurred, and tells whether it is not the first.
    fn occurs_again(&mut self, value: Option<T>) -> bool {
        let again = !matches!(self, Self::Absent);
        *self = match value {
            Some(value) if !again => Self::Value(value),
            _ => Self::Unclear,
        };
        again
    }
}

/// Collects the fields of one header block.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each notes one independent thing that occurred in the block"
)]
pub(super) struct Head {
    method: Once<Cow<'static, str>>,
    authority: Once<String>,
    /// `None` if it is not three digits.
    status: Once<Option<u16>>,
    extended: bool,
    hosts: Vec<String>,
    hosts_unclear: bool,
    /// Whether a pseudo-field of a request occurred.
    request: bool,
    /// Whether the first field was a regular one.
    regular_first: Option<bool>,
    /// Whether a name is unknown, so that a field not seen need not be absent.
    unknown_names: bool,
    /// Whether a pseudo-field was given twice.
    repeated: bool,
}

impl Head {
    /// Takes the next field.
    pub(super) fn field(&mut self, name: Name, value: Option<&str>) {
        self.regular_first
            .get_or_insert(matches!(name, Name::Host | Name::Other));
        self.request |= matches!(
            name,
            Name::Authority | Name::Method | Name::Scheme | Name::Path | Name::Protocol
        );
        match name {
            Name::Authority => self.repeated |= self.authority.occurs_again(value.map(str::to_owned)),
            Name::Method => self.repeated |= self.method.occurs_again(value.map(kept_method)),
            Name::Status => self.repeated |= self.status.occurs_again(value.map(status_code)),
            Name::Protocol => self.extended = true,
            Name::Host => self.host(value),
            Name::Unknown => self.unknown_names = true,
            Name::Scheme | Name::Path | Name::Other => {}
        }
    }

    fn host(&mut self, value: Option<&str>) {
        match value {
            Some(value) if self.hosts.len() < bounds::HOSTS => self.hosts.push(value.to_owned()),
            _ => self.hosts_unclear = true,
        }
    }

    /// What the block is.
    pub(super) fn nature(&self) -> Nature {
        if self.status != Once::Absent {
            Nature::Response
        } else if self.request {
            Nature::Request
        } else if self.regular_first.unwrap_or(true) {
            Nature::Trailers
        } else {
            Nature::Unclear
        }
    }

    /// The block as the head of a request.
    pub(super) fn request(self, losses: &mut Losses) -> RequestHead {
        if self.repeated || (self.method == Once::Absent && !self.unknown_names) {
            losses.add(Loss::MalformedHead);
        }
        if self.hosts_unclear || (self.authority == Once::Unclear && !self.repeated) {
            losses.add(Loss::TooLarge);
        }
        let authority = match self.authority {
            Once::Value(value) => Authority::Present {
                value,
                source: AuthoritySource::Pseudo,
            },
            Once::Absent if !self.unknown_names => Authority::Absent,
            Once::Absent | Once::Unclear => Authority::Unknown,
        };
        let method = match self.method {
            Once::Value(value) => Known::Yes(value),
            Once::Absent | Once::Unclear => Known::Unknown,
        };
        if self.unknown_names && (authority == Authority::Unknown || method == Known::Unknown) {
            losses.add(Loss::UnknownField);
        }
        let connects = !matches!(&method, Known::Yes(method) if method != "CONNECT");
        RequestHead {
            protocol: Protocol::H2,
            method,
            authority,
            host: if self.hosts_unclear || self.unknown_names {
                Known::Unknown
            } else {
                Known::Yes(self.hosts)
            },
            extended_connect: if !self.extended && self.unknown_names && connects {
                Known::Unknown
            } else {
                Known::Yes(self.extended)
            },
        }
    }

    /// The block as the head of a response: what status it has.
    pub(super) fn status(&self, losses: &mut Losses) -> ResponseStatus {
        let Once::Value(status) = self.status else {
            let reason = if self.unknown_names {
                Loss::UnknownField
            } else {
                Loss::MalformedHead
            };
            losses.add(reason);
            return ResponseStatus::Unknown;
        };
        match status {
            Some(100..200) => ResponseStatus::Interim,
            Some(status) => ResponseStatus::Final(status),
            None => {
                losses.add(Loss::MalformedHead);
                ResponseStatus::Unknown
            }
        }
    }
}

/// A status code: three digits.
fn status_code(value: &str) -> Option<u16> {
    let is_code = value.len() == 3 && value.bytes().all(|octet| octet.is_ascii_digit());
    value.parse().ok().filter(|_| is_code)
}
