//! Names as they are compared: authorities and server names brought to one spelling.
//!
//! Lower case, port and brackets split off, one trailing dot dropped, U-labels as A-labels (RFC 5890,
//! section 2.3.2.1), percent-encoding undone (RFC 3986, section 6.2.2.2).

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use idna::AsciiDenyList;
use thiserror::Error;

/// The port that an `https` authority need not write (RFC 9110, section 4.2.2).
const DEFAULT_PORT: u16 = 443;

/// Brings `host[:port]` to the form in which authorities are compared.
///
/// # Errors
/// [`NameError`] if `raw` carries userinfo, has no host, or cannot be parsed: such a request is malformed.
pub fn normalise(raw: &str) -> Result<Authority, NameError> {
    if raw.contains('@') {
        return Err(NameError::Userinfo);
    }
    let (host, port) = if let Some(rest) = raw.strip_prefix('[') {
        let (literal, port) = rest.split_once(']').ok_or(NameError::Bracket)?;
        let address: Ipv6Addr = literal.parse().map_err(|_| NameError::Address)?;
        let port = match port.strip_prefix(':') {
            Some(port) => Some(port),
            None if port.is_empty() => None,
            None => return Err(NameError::Bracket),
        };
        (Host::Address(IpAddr::V6(address)), port)
    } else {
        match raw.split_once(':') {
            Some((host, port)) => (host_of(host)?, Some(port)),
            None => (host_of(raw)?, None),
        }
    };
    Ok(Authority {
        host,
        port: port.map(port_of).transpose()?.flatten(),
    })
}

/// Brings a server name of a ClientHello to the form in which it is compared. It never has a port.
///
/// # Errors
/// [`NameError`] if `raw` is no host: it then equals nothing.
pub fn normalise_server_name(raw: &str) -> Result<Host, NameError> {
    match raw.parse::<IpAddr>() {
        Ok(address) => Ok(Host::Address(address)),
        Err(_) => host_of(raw),
    }
}

/// A host with the port that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Authority {
    /// The host: all that is compared with a server name or a certificate.
    pub host: Host,
    /// `None` for no port, an empty one, and 443.
    pub port: Option<u16>,
}

impl Host {
    /// Whether this is how the name is written here: it then needs not be normalised to be compared.
    pub fn is_written(&self, raw: &str) -> bool {
        matches!(self, Self::Name(name) if name == raw)
    }

    /// As it is displayed; only an address has to be written out for that.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Name(name) => Cow::Borrowed(name),
            Self::Address(_) => Cow::Owned(self.to_string()),
        }
    }

    /// As it is displayed, without another copy of a name.
    pub fn into_text(self) -> String {
        match self {
            Self::Name(name) => name,
            address @ Self::Address(_) => address.to_string(),
        }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}

/// A normalised host. An address never equals a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A DNS name: lower-case A-labels, no trailing dot.
    Name(String),
    /// An IP literal.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Why something is no authority. Each reads on after "… is no authority:".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// `user@host` (RFC 9110, section 4.2.4).
    #[error("it carries userinfo")]
    Userinfo,
    /// Nothing, or a port alone (RFC 9110, section 4.2.2).
    #[error("it has no host")]
    EmptyHost,
    /// Two dots in a row, or a dot in front.
    #[error("it has an empty label")]
    EmptyLabel,
    /// The port is not a decimal number up to 65535.
    #[error("its port is no number from 0 to 65535")]
    Port,
    /// Brackets that are not closed, or are followed by something other than a port.
    #[error("its brackets do not enclose the host")]
    Bracket,
    /// What is in brackets is no IPv6 address.
    #[error("its brackets hold no IPv6 address")]
    Address,
    /// A character that RFC 3986, section 3.2.2, has not in a host, or broken percent-encoding.
    #[error("it has a character that no host may have")]
    Character,
    /// A label that IDNA (UTS 46) cannot map.
    #[error("it has a label that is not valid in an internationalised name")]
    Idna,
}

fn port_of(raw: &str) -> Result<Option<u16>, NameError> {
    if raw.is_empty() {
        return Ok(None);
    }
    // `u16::from_str` takes a sign, which the grammar has not.
    if !raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NameError::Port);
    }
    match raw.parse() {
        Ok(DEFAULT_PORT) => Ok(None),
        Ok(port) => Ok(Some(port)),
        Err(_) => Err(NameError::Port),
    }
}

fn host_of(raw: &str) -> Result<Host, NameError> {
    if raw.is_empty() {
        return Err(NameError::EmptyHost);
    }
    let decoded = percent_decoded(raw)?;
    let name = to_a_labels(&decoded)?;
    let name = name.strip_suffix('.').unwrap_or(&name);
    if name.is_empty() {
        return Err(NameError::EmptyHost);
    }
    if !name.bytes().all(is_host_byte) {
        return Err(NameError::Character);
    }
    if name.split('.').any(str::is_empty) {
        return Err(NameError::EmptyLabel);
    }
    Ok(match name.parse() {
        Ok(address) => Host::Address(IpAddr::V4(address)),
        Err(_) => Host::Name(name.to_owned()),
    })
}

/// Lower case, and A-labels for U-labels.
pub(super) fn to_a_labels(name: &str) -> Result<Cow<'_, str>, NameError> {
    if name.is_ascii() {
        // Names with underscores, or with a broken A-label, are in use: what is ASCII is compared as it is.
        return Ok(if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        });
    }
    idna::domain_to_ascii_cow(name.as_bytes(), AsciiDenyList::EMPTY).map_err(|_| NameError::Idna)
}

fn percent_decoded(raw: &str) -> Result<Cow<'_, str>, NameError> {
    if !raw.contains('%') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let (digits, tail) = tail.split_first_chunk::<2>().ok_or(NameError::Character)?;
            decoded.push(hex(digits[0])? << 4 | hex(digits[1])?);
            rest = tail;
        } else {
            decoded.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|_| NameError::Character)
}

const fn hex(digit: u8) -> Result<u8, NameError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(NameError::Character),
    }
}

/// `unreserved` and `sub-delims` of RFC 3986, section 3.2.2.
const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("a.ex.org", "a.ex.org")]
    #[case::upper_case("A.Ex.ORG", "a.ex.org")]
    #[case::trailing_dot("a.ex.org.", "a.ex.org")]
    #[case::port("a.ex.org:8443", "a.ex.org:8443")]
    #[case::trailing_dot_before_a_port("a.ex.org.:8443", "a.ex.org:8443")]
    #[case::empty_port("a.ex.org:", "a.ex.org")]
    #[case::https_port("a.ex.org:443", "a.ex.org")]
    #[case::https_port_with_zeros("a.ex.org:000443", "a.ex.org")]
    #[case::http_port_is_a_port("a.ex.org:80", "a.ex.org:80")]
    #[case::u_label("Bücher.example", "xn--bcher-kva.example")]
    #[case::a_label("XN--BCHER-KVA.example", "xn--bcher-kva.example")]
    #[case::ideographic_full_stop("a。ex。org", "a.ex.org")]
    #[case::percent_encoding("%61.ex%2Eorg", "a.ex.org")]
    #[case::underscore("my_app.svc", "my_app.svc")]
    #[case::broken_a_label("xn--.ex.org", "xn--.ex.org")]
    #[case::single_label("localhost", "localhost")]
    #[case::ipv4("10.0.0.7:8443", "10.0.0.7:8443")]
    #[case::ipv6("[2001:DB8::1]:443", "[2001:db8::1]")]
    #[case::ipv6_uncompressed("[2001:db8:0:0:0:0:0:1]:8443", "[2001:db8::1]:8443")]
    fn authorities_take_one_spelling(#[case] raw: &str, #[case] expected: &str) {
        let authority = normalise(raw).unwrap();
        assert_eq!(authority.to_string(), expected);
        let host = authority.host.to_string();
        assert_eq!(authority.host.text(), host);
        assert_eq!(authority.host.into_text(), host);
    }

    #[rstest]
    #[case::empty("", NameError::EmptyHost)]
    #[case::port_alone(":443", NameError::EmptyHost)]
    #[case::dot_alone(".", NameError::EmptyHost)]
    #[case::two_trailing_dots("a.ex.org..", NameError::EmptyLabel)]
    #[case::leading_dot(".ex.org", NameError::EmptyLabel)]
    #[case::userinfo("root@a.ex.org", NameError::Userinfo)]
    #[case::empty_userinfo("@a.ex.org", NameError::Userinfo)]
    #[case::signed_port("a.ex.org:+443", NameError::Port)]
    #[case::port_too_large("a.ex.org:65536", NameError::Port)]
    #[case::two_ports("a.ex.org:1:2", NameError::Port)]
    #[case::ipv6_without_brackets("2001:db8::1", NameError::Port)]
    #[case::open_bracket("[::1", NameError::Bracket)]
    #[case::after_the_bracket("[::1]8443", NameError::Bracket)]
    #[case::name_in_brackets("[a.ex.org]", NameError::Address)]
    #[case::zone("[fe80::1%25eth0]", NameError::Address)]
    #[case::space("a.ex.org b", NameError::Character)]
    #[case::path("a.ex.org/x", NameError::Character)]
    #[case::list("a.ex.org, b.ex.org", NameError::Character)]
    #[case::control("a\0.ex.org", NameError::Character)]
    #[case::encoded_slash("a%2fex.org", NameError::Character)]
    #[case::broken_encoding("a%2", NameError::Character)]
    #[case::encoded_twice("%2561.ex.org", NameError::Character)]
    #[case::replacement_character("\u{fffd}.ex.org", NameError::Idna)]
    fn what_is_no_authority_is_told_why(#[case] raw: &str, #[case] expected: NameError) {
        assert_eq!(normalise(raw), Err(expected));
    }

    #[rstest]
    #[case::trailing_dot("A.ex.org.", Ok("a.ex.org"))]
    #[case::port("a.ex.org:443", Err(NameError::Character))]
    #[case::ipv6("::1", Ok("[::1]"))]
    fn server_names_have_no_port(#[case] raw: &str, #[case] expected: Result<&str, NameError>) {
        let found = normalise_server_name(raw).map(|host| host.to_string());
        assert_eq!(found, expected.map(str::to_owned));
    }

    /// Noise, noise that looks like a name, and noise that looks like an IPv6 literal.
    const ANYTHING: &str = "\\PC{0,24}|[a-zA-Z0-9.%:_ß。-]{1,24}|\\[[0-9a-f:]{2,12}\\](:[0-9]{0,5})?";

    proptest! {
        #[test]
        fn normalising_never_panics(raw in any::<String>()) {
            let _ = normalise(&raw);
            let _ = normalise_server_name(&raw);
        }

        #[test]
        fn normalising_is_idempotent(raw in ANYTHING) {
            if let Ok(once) = normalise(&raw) {
                prop_assert_eq!(normalise(&once.to_string()), Ok(once));
            }
        }

        #[test]
        fn case_and_trailing_dot_do_not_count(raw in "[a-z0-9-]{1,8}(\\.[a-z0-9-]{1,8}){0,3}") {
            let shouted = format!("{}.", raw.to_uppercase());
            prop_assert_eq!(normalise(&shouted), normalise(&raw));
        }
    }
}
