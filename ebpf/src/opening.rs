//! What a connection's first application data in a direction begins with: whether what a function moves is HTTP at all.
#![expect(
    clippy::inline_always,
    reason = "the verifier checks each call of a function that is not inlined on its own"
)]

use crate::framing::http2::{SETTINGS, length};

/// Octets that are looked at.
pub const LENGTH: usize = 16;

/// What data begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opening {
    /// Nothing of HTTP's, or too little to tell.
    Other = 0,
    /// A request line (RFC 9112, section 3), or the client's preface (RFC 9113, section 3.4).
    Request = 1,
    /// A status line (RFC 9112, section 4), or the server's SETTINGS frame (RFC 9113, section 3.4).
    Response = 2,
}

impl Opening {
    /// The opening with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Other),
            1 => Some(Self::Request),
            2 => Some(Self::Response),
            _ => None,
        }
    }

    /// Looks at the first octets, of which `count` are there.
    #[inline(always)]
    pub fn of(octets: &[u8; LENGTH], count: u64) -> Self {
        if count >= 9 && octets[3] == SETTINGS && is_settings(octets) {
            return Self::Response;
        }
        if count >= 7 && is(octets, b"HTTP/1.") {
            return Self::Response;
        }
        if is_request(octets, count) {
            return Self::Request;
        }
        Self::Other
    }
}

/// The header of a SETTINGS frame that acknowledges nothing, on stream 0, with whole settings.
#[inline(always)]
fn is_settings(octets: &[u8; LENGTH]) -> bool {
    let header = [
        octets[0], octets[1], octets[2], octets[3], octets[4], octets[5], octets[6], octets[7], octets[8],
    ];
    let stream = octets[5] | octets[6] | octets[7] | octets[8];
    octets[0] == 0 && octets[4] == 0 && stream == 0 && length(&header).is_multiple_of(6)
}

#[inline(always)]
fn is(octets: &[u8; LENGTH], prefix: &[u8; 7]) -> bool {
    let mut same = true;
    let mut at = 0;
    while at < prefix.len() {
        same &= octets[at] == prefix[at];
        at += 1;
    }
    same
}

/// A method in capital letters, as all that are registered have, a space, and the beginning of a target.
#[inline(always)]
fn is_request(octets: &[u8; LENGTH], count: u64) -> bool {
    let mut at = 0;
    while at + 1 < LENGTH && at as u64 + 1 < count {
        let octet = octets[at];
        if octet == b' ' {
            let next = octets[at + 1];
            return at > 0 && (next == b'/' || next == b'*' || next.is_ascii_alphanumeric());
        }
        if !(octet.is_ascii_uppercase() || octet == b'-') {
            return false;
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &[u8]) -> Opening {
        let mut octets = [0; LENGTH];
        let count = text.len().min(LENGTH);
        octets[..count].copy_from_slice(&text[..count]);
        Opening::of(&octets, text.len() as u64)
    }

    #[test]
    fn what_clients_begin_with_is_a_request() {
        for text in [
            b"GET / HTTP/1.1\r\nHost: a\r\n".as_slice(),
            b"OPTIONS * HTTP/1.1\r\n",
            b"CONNECT a.example:443 HTTP/1.1\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            assert_eq!(of(text), Opening::Request, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_servers_begin_with_is_a_response() {
        assert_eq!(of(b"HTTP/1.1 421 Misdirected Request\r\n"), Opening::Response);
        assert_eq!(of(b"HTTP/1.0 200 OK\r\n"), Opening::Response);
        assert_eq!(of(&[0, 0, 0, 4, 0, 0, 0, 0, 0]), Opening::Response);
        assert_eq!(
            of(&[0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100, 0, 4]),
            Opening::Response
        );
    }

    #[test]
    fn all_else_is_nothing() {
        for bytes in [
            b"".as_slice(),
            b"G",
            b"GET",
            b"GET ",
            b" / HTTP/1.1\r\n",
            b"get / HTTP/1.1\r\n",
            b"HTTP/2",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            &[0; 16],
            // A length that holds no whole settings, an acknowledgement, another stream.
            &[0, 0, 5, 4, 0, 0, 0, 0, 0],
            &[0, 0, 0, 4, 1, 0, 0, 0, 0],
            &[0, 0, 0, 4, 0, 0, 0, 0, 1],
        ] {
            assert_eq!(of(bytes), Opening::Other, "{bytes:?}");
        }
    }

    #[test]
    fn numbers_and_openings_agree() {
        for opening in [Opening::Other, Opening::Request, Opening::Response] {
            assert_eq!(Opening::from_number(opening as u8), Some(opening));
        }
        assert_eq!(Opening::from_number(3), None);
    }
}
