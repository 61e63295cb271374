//! What the fields of one header block say: RFC 9113, section 8.3.

use crate::http::bounds;
use crate::http::exchange::{Authority, AuthoritySource, Known, Protocol, RequestHead};
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
enum Once {
    #[default]
    Absent,
    Value(String),
    /// It occurred, but without a value that can be told: not seen, too long, or given twice.
    Unclear,
}

/// Collects the fields of one header block.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each notes one independent thing that occurred in the block"
)]
pub(super) struct Head {
    method: Once,
    authority: Once,
    status: Once,
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
        let once = match name {
            Name::Authority => &mut self.authority,
            Name::Method => &mut self.method,
            Name::Status => &mut self.status,
            Name::Protocol => return self.extended = true,
            Name::Host => return self.host(value),
            Name::Unknown => return self.unknown_names = true,
            Name::Scheme | Name::Path | Name::Other => return,
        };
        *once = match (&once, value) {
            (Once::Absent, Some(value)) => Once::Value(value.to_owned()),
            (Once::Absent, None) => Once::Unclear,
            _ => {
                self.repeated = true;
                Once::Unclear
            }
        };
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
        let Once::Value(value) = &self.status else {
            let reason = if self.unknown_names {
                Loss::UnknownField
            } else {
                Loss::MalformedHead
            };
            losses.add(reason);
            return ResponseStatus::Unknown;
        };
        match value.parse() {
            Ok(status) if value.len() == 3 && value.bytes().all(|octet| octet.is_ascii_digit()) => {
                if (100..200).contains(&status) {
                    ResponseStatus::Interim
                } else {
                    ResponseStatus::Final(status)
                }
            }
            _ => {
                losses.add(Loss::MalformedHead);
                ResponseStatus::Unknown
            }
        }
    }
}
