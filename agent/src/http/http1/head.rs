//! Heads: start line and fields, RFC 9112, sections 3 to 5.

use std::mem::MaybeUninit;

use crate::http::assembly::Unit;
use crate::http::bounds;
use crate::http::exchange::{Authority, Known, Protocol, RequestHead, kept_method};
use crate::http::http1::target;
use crate::http::loss::{Loss, Losses};

/// Fields of a head for which no memory has to be found. Browsers send up to 25.
const USUAL_FIELDS: usize = 32;

/// Whether a head is a response's. No method can begin so: `/` is no token character.
pub(super) fn looks_like_response(head: &[u8]) -> bool {
    head.trim_ascii_start().starts_with(b"HTTP/")
}

/// Reads a request's head. What a head that is broken or cut off does not say for certain is unknown.
pub(super) fn request(unit: &Unit<'_>, losses: &mut Losses) -> RequestHead {
    let mut room = [const { MaybeUninit::uninit() }; USUAL_FIELDS];
    let mut more_room;
    let mut request = httparse::Request::new(&mut []);
    let mut parsed = request.parse_with_uninit_headers(&unit.bytes, &mut room);
    if parsed == Err(httparse::Error::TooManyHeaders) {
        more_room = room_for_fields(&unit.bytes);
        request = httparse::Request::new(&mut more_room);
        parsed = request.parse(&unit.bytes);
    }
    let complete = unit.whole && matches!(parsed, Ok(httparse::Status::Complete(_)));
    if unit.whole && !complete {
        losses.add(Loss::MalformedHead);
    }
    let protocol = if request.version == Some(0) {
        Protocol::Http10
    } else {
        Protocol::Http11
    };
    let (Some(method), Some(target), Some(_)) = (request.method, request.path, request.version) else {
        return RequestHead::unknown(protocol);
    };
    if method.len() > bounds::VALUE {
        losses.add(Loss::TooLarge);
        return RequestHead::unknown(protocol);
    }
    let host = if complete {
        hosts(request.headers, losses)
    } else {
        Known::Unknown
    };
    RequestHead {
        protocol,
        method: Known::Yes(kept_method(method)),
        authority: bounded(target::authority(method, target), losses),
        host,
        extended_connect: Known::Yes(false),
    }
}

/// Reads the status code of a response's head, `None` if its status line is broken or cut off. The fields do not
/// matter, so neither do errors in them.
pub(super) fn status(unit: &Unit<'_>, losses: &mut Losses) -> Option<u16> {
    let mut response = httparse::Response::new(&mut []);
    // Without room for fields this stops behind the status line.
    let _ = response.parse(&unit.bytes);
    // The reason phrase, possibly empty, shows that the code had ended.
    let status = response.reason.and(response.code);
    if status.is_none() && unit.whole {
        losses.add(Loss::MalformedHead);
    }
    status
}

/// A place for each field that the head can have.
fn room_for_fields(head: &[u8]) -> Vec<httparse::Header<'_>> {
    vec![httparse::EMPTY_HEADER; head.split(|&octet| octet == b'\n').count()]
}

fn hosts(fields: &[httparse::Header<'_>], losses: &mut Losses) -> Known<Vec<String>> {
    let mut hosts = Vec::new();
    for field in fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("host"))
    {
        if hosts.len() == bounds::HOSTS || field.value.len() > bounds::VALUE {
            losses.add(Loss::TooLarge);
            return Known::Unknown;
        }
        // Octets that are no UTF-8 become U+FFFD, which no authority can contain.
        hosts.push(String::from_utf8_lossy(field.value).into_owned());
    }
    Known::Yes(hosts)
}

fn bounded(authority: Authority, losses: &mut Losses) -> Authority {
    match &authority {
        Authority::Present { value, .. } if value.len() > bounds::VALUE => {
            losses.add(Loss::TooLarge);
            Authority::Unknown
        }
        _ => authority,
    }
}
