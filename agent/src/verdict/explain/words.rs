//! The pieces of which explanations are made. Foreign text is quoted, escaped and bounded.

use std::fmt::Write;

use crate::verdict::authority::{Effective, Malformed, Source};
use crate::verdict::case::{Case, Sni};
use crate::verdict::facts::{Field, Status};
use crate::verdict::name::Host;

/// Longest foreign text shown, in characters: a DNS name fits.
const LONGEST: usize = 255;
/// Most names of a list that are shown.
const MOST: usize = 4;

impl Case<'_> {
    /// The host that was asked for.
    pub(super) fn host(&self) -> Option<&Host> {
        self.effective.authority().map(|authority| &authority.host)
    }

    /// The authority that was asked for.
    pub(super) fn asked(&self) -> String {
        match self.effective.authority() {
            Some(authority) => quoted(&authority.to_string()),
            None => "no known name".to_owned(),
        }
    }

    /// The request, with what it asks for where that is known.
    pub(super) fn request(&self) -> String {
        match self.effective.authority() {
            Some(authority) => format!("request for {}", quoted(&authority.to_string())),
            None => "request".to_owned(),
        }
    }

    /// The host that was asked for, without its port: what a configuration has to name.
    pub(super) fn asked_host(&self) -> String {
        self.host()
            .map_or_else(|| self.asked(), |host| quoted(&host.to_string()))
    }

    /// The name that the connection was made for.
    pub(super) fn sni_name(&self) -> String {
        match self.sni {
            Sni::Sent(name) => quoted(name),
            Sni::Absent => "no name".to_owned(),
            Sni::OuterOnly | Sni::Unknown => "an unknown name".to_owned(),
        }
    }

    /// How the connection was opened.
    pub(super) fn opened(&self) -> String {
        match self.sni {
            Sni::Sent(name) => format!("The connection was made for {}", quoted(name)),
            Sni::Absent => "The connection was made without SNI".to_owned(),
            Sni::OuterOnly | Sni::Unknown => "The connection was made for an unknown name".to_owned(),
        }
    }

    /// The status, as a word of a sentence.
    pub(super) fn status(&self) -> String {
        match self.facts.status {
            Status::Code(status) => status.to_string(),
            Status::NoneCame => "nothing".to_owned(),
            Status::Unknown => "an unknown status".to_owned(),
        }
    }

    /// The names of the certificate.
    pub(super) fn certificate(&self) -> String {
        match self.facts.certificate_names.as_deref() {
            Some([]) => "names nobody".to_owned(),
            Some(names) => format!("names {}", list(names)),
            None => "is unknown".to_owned(),
        }
    }

    /// A sentence on whether the certificate covers the authority.
    pub(super) fn coverage(&self) -> String {
        let covered = self.host().and_then(|host| self.covered(host));
        match covered {
            Some(true) => format!(
                "The certificate covers that name too (it {}).",
                self.certificate()
            ),
            Some(false) => format!(
                "The certificate does not cover that name (it {}).",
                self.certificate()
            ),
            None => "Whether the certificate covers that name is unknown.".to_owned(),
        }
    }

    /// The authorities of earlier requests.
    pub(super) fn earlier(&self) -> String {
        match &self.facts.prior_authorities.names[..] {
            [] => "other names".to_owned(),
            names => list(names),
        }
    }

    /// What is written differently from the name that it stands for, in the request or in the SNI.
    pub(super) fn spelling(&self) -> Option<Spelling<'_>> {
        let Effective::Known { authority, source } = &self.effective else {
            return None;
        };
        let name = authority.host.to_string();
        let in_request = match (source, &self.facts.authority) {
            (Source::Host, _) => self.facts.host.first().map(String::as_str),
            (Source::Authority | Source::Target, Field::Known(written)) => Some(&**written),
            (Source::Authority | Source::Target, Field::Absent | Field::Unknown) => None,
        };
        let in_sni = match self.sni {
            Sni::Sent(written) => Some(written),
            Sni::Absent | Sni::OuterOnly | Sni::Unknown => None,
        };
        [("The request", in_request), ("The SNI", in_sni)]
            .into_iter()
            .find_map(|(place, written)| {
                Some(Spelling {
                    place,
                    written: written.filter(|it| *it != name)?,
                })
            })
    }

    /// Why the request names nothing that may be used.
    pub(super) fn flaw(&self) -> String {
        let Effective::Malformed(malformed) = &self.effective else {
            return "The request is malformed".to_owned();
        };
        match malformed {
            Malformed::NoHost => "The request is HTTP/1.1 and has no Host".to_owned(),
            Malformed::NoAuthority => "The request has neither :authority nor Host".to_owned(),
            Malformed::SeveralHosts(hosts) => {
                format!("The request has {} Host fields ({})", hosts.len(), list(hosts))
            }
            Malformed::HostDiffers { authority, host } => {
                let (authority, host) = (quoted(authority), quoted(host));
                format!("The request says {authority} in :authority and {host} in Host")
            }
            Malformed::Unparsable { raw, source, error } => {
                let place = match source {
                    Source::Authority => ":authority",
                    Source::Host => "Host",
                    Source::Target => "target",
                };
                format!("The request's {place} {} is no authority: {error}", quoted(raw))
            }
        }
    }
}

/// Something that is written differently from the name that it stands for.
pub(super) struct Spelling<'a> {
    /// Who says so, at the beginning of a sentence.
    pub(super) place: &'static str,
    pub(super) written: &'a str,
}

impl Spelling<'_> {
    /// What a comparison of strings stumbles over.
    pub(super) fn difference(&self) -> &'static str {
        let bracketed = self.written.starts_with('[');
        let (host, port) = match self.written.rsplit_once(':') {
            Some((host, _)) if !bracketed || host.ends_with(']') => (host, true),
            _ => (self.written, false),
        };
        if port {
            "the port"
        } else if host.ends_with('.') {
            "the trailing dot"
        } else if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            "upper-case letters"
        } else {
            "the spelling"
        }
    }
}

/// `text` in quotation marks, harmless on a terminal.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for (position, character) in text.chars().enumerate() {
        if position == LONGEST {
            quoted.push('…');
            break;
        }
        if character.is_ascii_graphic() && character != '"' && character != '\\'
            || character.is_alphanumeric()
        {
            quoted.push(character);
        } else if character == ' ' {
            quoted.push(' ');
        } else {
            quoted.extend(character.escape_default());
        }
    }
    quoted.push('"');
    quoted
}

/// The first few of `names`, and how many more there are.
pub(super) fn list(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<_> = names
        .iter()
        .take(MOST)
        .map(|name| quoted(name.as_ref()))
        .collect();
    let mut list = shown.join(", ");
    if names.len() > MOST {
        let _ = write!(list, " and {} more", names.len() - MOST);
    }
    list
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::name("a.ex.org", "\"a.ex.org\"")]
    #[case::letters("bücher.example", "\"bücher.example\"")]
    #[case::terminal_escape("a\u{1b}[31m", "\"a\\u{1b}[31m\"")]
    #[case::right_to_left_override("a\u{202e}b", "\"a\\u{202e}b\"")]
    #[case::quotation_mark("a\"b", "\"a\\\"b\"")]
    fn foreign_text_is_harmless(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(quoted(text), expected);
    }

    #[test]
    fn foreign_text_is_bounded() {
        let quoted = quoted(&"a".repeat(10_000));
        assert_eq!(quoted.chars().count(), LONGEST + 3);
        let names: Vec<_> = (0..100).map(|n| format!("n{n}")).collect();
        assert_eq!(list(&names), "\"n0\", \"n1\", \"n2\", \"n3\" and 96 more");
    }

    #[rstest]
    #[case::port("a.ex.org:8443", "the port")]
    #[case::port_of_a_literal("[::1]:8443", "the port")]
    #[case::literal("[0::1]", "the spelling")]
    #[case::dot("a.ex.org.", "the trailing dot")]
    #[case::case("A.Ex.ORG", "upper-case letters")]
    #[case::u_label("bücher.example", "the spelling")]
    fn the_difference_is_named(#[case] written: &str, #[case] expected: &str) {
        let spelling = Spelling {
            place: "The request",
            written,
        };
        assert_eq!(spelling.difference(), expected);
    }
}
