//! The request target: RFC 9112, section 3.2.

use crate::http::exchange::{Authority, AuthoritySource};

/// The authority that a request's target names.
pub(super) fn authority(method: &str, target: &str) -> Authority {
    if method == "CONNECT" {
        return Authority::Present {
            value: target.to_owned(),
            source: AuthoritySource::Connect,
        };
    }
    match absolute(target) {
        Some(value) => Authority::Present {
            value: value.to_owned(),
            source: AuthoritySource::Absolute,
        },
        None => Authority::Absent,
    }
}

/// The authority of a target in absolute-form: RFC 3986, sections 3.1 and 3.2.
fn absolute(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|symbol| symbol.is_ascii_alphanumeric() || "+-.".contains(symbol));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    is_scheme.then(|| &rest[..end])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::origin_form("/where?q=http://other.example/")]
    #[case::asterisk_form("*")]
    #[case::no_scheme("://a.example/")]
    #[case::bare_name("a.example")]
    fn names_none(#[case] target: &str) {
        assert_eq!(authority("GET", target), Authority::Absent);
    }

    #[rstest]
    #[case::with_path("http://a.example:8080/p", "a.example:8080")]
    #[case::without_path("https://a.example", "a.example")]
    #[case::with_query("https://a.example?q", "a.example")]
    #[case::upper_case_scheme("HTTPS://A.example/", "A.example")]
    #[case::userinfo_is_left_in("https://u@a.example/", "u@a.example")]
    #[case::empty("https:///p", "")]
    fn absolute_form_names_one(#[case] target: &str, #[case] value: &str) {
        let expected = Authority::Present {
            value: value.to_owned(),
            source: AuthoritySource::Absolute,
        };
        assert_eq!(authority("GET", target), expected);
    }

    #[test]
    fn connect_is_in_authority_form() {
        let expected = Authority::Present {
            value: "a.example:443".to_owned(),
            source: AuthoritySource::Connect,
        };
        assert_eq!(authority("CONNECT", "a.example:443"), expected);
    }
}
