//! Names that the operator lists: one by one, or all below a parent.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

use crate::verdict::name::{Host, NameError, normalise_server_name};

/// A name, or every name below one: `*.` stands for one label or more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pattern {
    /// This host.
    Exact(Host),
    /// Every name below this one.
    Below(String),
}

/// A set of patterns. Whether it has a host is found out without an allocation, however many patterns there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    exact: HashSet<Host>,
    below: HashSet<String>,
}

/// Why a text is no pattern. Each reads on after "… is no name:".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// `https://…`
    #[error("it is a URL; give its host alone")]
    Url,
    /// A port: connections are told apart by names.
    #[error("it has a port; leave that out")]
    Port,
    /// A `*` elsewhere than in front, or with part of a label.
    #[error("\"*\" stands only in front, as in \"*.shop.example\", for one label or more")]
    Wildcard,
    /// `*.` in front of an IP address.
    #[error("nothing is below an address")]
    BelowAddress,
    /// No name for another reason.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (parent, is_below) = match text.strip_prefix("*.") {
            Some(parent) => (parent, true),
            None => (text, false),
        };
        if parent.contains('*') {
            return Err(PatternError::Wildcard);
        }
        match (host(parent)?, is_below) {
            (Host::Name(name), true) => Ok(Self::Below(name)),
            (Host::Address(_), true) => Err(PatternError::BelowAddress),
            (host, false) => Ok(Self::Exact(host)),
        }
    }
}

/// A host as people write it: an IPv6 address with brackets or without.
fn host(text: &str) -> Result<Host, PatternError> {
    if text.contains("://") {
        return Err(PatternError::Url);
    }
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(Ok(address)) = bracketed.map(str::parse::<Ipv6Addr>) {
        return Ok(Host::Address(IpAddr::V6(address)));
    }
    match normalise_server_name(text) {
        Err(_) if text.contains(':') => Err(PatternError::Port),
        host => Ok(host?),
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(formatter),
            Self::Below(parent) => write!(formatter, "*.{parent}"),
        }
    }
}

impl Names {
    /// Whether one of the patterns means `host`.
    pub fn contains(&self, host: &Host) -> bool {
        if self.exact.contains(host) {
            return true;
        }
        let Host::Name(name) = host else {
            return false;
        };
        if self.below.is_empty() {
            return false;
        }
        let mut rest = name.as_str();
        while let Some((_, parent)) = rest.split_once('.') {
            if self.below.contains(parent) {
                return true;
            }
            rest = parent;
        }
        false
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.below.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.exact.len() + self.below.len()
    }

    /// Each of them, sorted.
    pub fn patterns(&self) -> Vec<Pattern> {
        let exact = self.exact.iter().cloned().map(Pattern::Exact);
        let mut patterns: Vec<_> = exact
            .chain(self.below.iter().cloned().map(Pattern::Below))
            .collect();
        patterns.sort();
        patterns
    }

    /// Whether a name stands in `text`, which is in lower case, be it as part of another word.
    pub(super) fn stand_in(&self, text: &str) -> bool {
        let exact = self.exact.iter().any(|host| match host {
            Host::Name(name) => text.contains(name.as_str()),
            Host::Address(address) => text.contains(&address.to_string()),
        });
        exact || self.below.iter().any(|parent| text.contains(parent.as_str()))
    }
}

impl FromIterator<Pattern> for Names {
    fn from_iter<I: IntoIterator<Item = Pattern>>(patterns: I) -> Self {
        let mut names = Self::default();
        for pattern in patterns {
            match pattern {
                Pattern::Exact(host) => names.exact.insert(host),
                Pattern::Below(parent) => names.below.insert(parent),
            };
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn names(patterns: &[&str]) -> Names {
        patterns.iter().map(|pattern| pattern.parse().unwrap()).collect()
    }

    #[rstest]
    #[case::exact("shop.example", true)]
    #[case::not_a_parent("example", false)]
    #[case::below("a.tenant.example", true)]
    #[case::two_labels_below("a.b.tenant.example", true)]
    #[case::a_wildcard_is_not_its_parent("tenant.example", false)]
    #[case::only_whole_labels("a.nottenant.example", false)]
    #[case::not_below_an_exact_name("a.shop.example", false)]
    #[case::address("10.0.0.7", true)]
    #[case::ipv6("2001:db8::1", true)]
    #[case::another_address("10.0.0.8", false)]
    fn a_set_has_what_its_patterns_mean(#[case] name: &str, #[case] expected: bool) {
        let names = names(&["Shop.Example.", "*.tenant.example", "10.0.0.7", "[2001:db8:0::1]"]);
        assert_eq!(names.contains(&normalise_server_name(name).unwrap()), expected);
    }

    #[rstest]
    #[case::case_and_dot("A.Shop.example.", "a.shop.example")]
    #[case::u_label("*.Bücher.example", "*.xn--bcher-kva.example")]
    #[case::ipv6("2001:DB8::1", "[2001:db8::1]")]
    fn patterns_take_one_spelling(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(text.parse::<Pattern>().unwrap().to_string(), expected);
    }

    #[rstest]
    #[case::star_alone("*", PatternError::Wildcard)]
    #[case::part_of_a_label("f*.shop.example", PatternError::Wildcard)]
    #[case::in_the_middle("a.*.example", PatternError::Wildcard)]
    #[case::twice("*.*.example", PatternError::Wildcard)]
    #[case::port("a.example:443", PatternError::Port)]
    #[case::url("https://a.example/", PatternError::Url)]
    #[case::below_an_address("*.10.0.0.1", PatternError::BelowAddress)]
    #[case::below_nothing("*.", PatternError::Name(NameError::EmptyHost))]
    #[case::empty("", PatternError::Name(NameError::EmptyHost))]
    #[case::path("a.example/x", PatternError::Name(NameError::Character))]
    fn what_is_no_pattern_is_told_why(#[case] text: &str, #[case] expected: PatternError) {
        assert_eq!(text.parse::<Pattern>(), Err(expected));
    }
}
