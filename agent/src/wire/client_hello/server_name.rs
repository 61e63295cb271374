//! The server name in a ClientHello: RFC 6066, section 3.

use super::text::text;
use crate::wire::reader::Reader;

/// Name type of a host name.
const HOST_NAME: u8 = 0;
/// Longest host name: RFC 1035, section 3.1.
const LONGEST: usize = 255;

/// What a ClientHello tells of the server name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerName {
    /// No such extension.
    Absent,
    /// As sent. What is not text, or would steer a terminal, is escaped.
    Sent(String),
    /// There is such an extension, and it does not hold one host name of 1 to 255 octets.
    Malformed,
}

impl ServerName {
    /// The name, if one was sent.
    pub fn as_sent(&self) -> Option<&str> {
        match self {
            Self::Sent(name) => Some(name),
            Self::Absent | Self::Malformed => None,
        }
    }

    pub(super) fn read(data: Option<&[u8]>) -> Self {
        let Some(data) = data else { return Self::Absent };
        match host_name(data) {
            Some(name) if (1..=LONGEST).contains(&name.len()) => Self::Sent(text(name)),
            _ => Self::Malformed,
        }
    }
}

/// The only host name in the list. Names of other types, which nobody has defined so far, are passed over.
fn host_name(data: &[u8]) -> Option<&[u8]> {
    let mut data = Reader::new(data);
    let mut list = Reader::new(data.vector16()?);
    let mut found = None;
    while !list.is_empty() {
        let (kind, name) = (list.u8()?, list.vector16()?);
        if kind == HOST_NAME && found.replace(name).is_some() {
            return None;
        }
    }
    found.filter(|_| data.is_empty())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain(b"\0\x0c\0\0\x09a.example", "a.example")]
    #[case::as_sent(b"\0\x0d\0\0\x0aA.Example.", "A.Example.")]
    #[case::not_ascii(b"\0\x0d\0\0\x0a\xc3\xa9.example", "é.example")]
    #[case::not_text(b"\0\x05\0\0\x02a\xff", "a\\xff")]
    #[case::steers_a_terminal(b"\0\x08\0\0\x05a\x1b[2J", "a\\x1b[2J")]
    #[case::zero_octet(b"\0\x06\0\0\x03a\0b", "a\\x00b")]
    #[case::beside_another_type(b"\0\x09\x01\0\x01x\0\0\x02ab", "ab")]
    fn a_name_is_read(#[case] data: &[u8], #[case] name: &str) {
        assert_eq!(ServerName::read(Some(data)), ServerName::Sent(name.to_owned()));
    }

    #[rstest]
    #[case::nothing(b"")]
    #[case::empty_list(b"\0\0")]
    #[case::empty_name(b"\0\x03\0\0\0")]
    #[case::two_names(b"\0\x08\0\0\x01a\0\0\x01b")]
    #[case::other_type_only(b"\0\x04\x01\0\x01a")]
    #[case::bytes_behind(b"\0\x04\0\0\x01ab")]
    #[case::list_beyond_the_data(b"\0\x05\0\0\x01a")]
    #[case::name_beyond_the_list(b"\0\x04\0\0\x02a")]
    #[case::cut_off_in_the_type(b"\0\x05\0\0\x01a\0")]
    fn what_holds_no_name_is_malformed(#[case] data: &[u8]) {
        assert_eq!(ServerName::read(Some(data)), ServerName::Malformed);
    }

    #[test]
    fn a_name_that_no_host_can_have_is_malformed() {
        let extension = |length: u16| {
            let (list, name) = ((length + 3).to_be_bytes(), vec![b'a'; length.into()]);
            [&list[..], &[HOST_NAME], &length.to_be_bytes(), &name].concat()
        };
        let longest = ServerName::read(Some(&extension(255)));
        assert_eq!(longest.as_sent(), Some("a".repeat(255).as_str()));
        assert_eq!(ServerName::read(Some(&extension(256))), ServerName::Malformed);
    }

    #[test]
    fn no_extension_is_no_name() {
        assert_eq!(ServerName::read(None), ServerName::Absent);
        assert_eq!(ServerName::Absent.as_sent(), None);
    }
}
