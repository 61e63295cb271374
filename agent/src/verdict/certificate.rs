//! Whether a certificate speaks for a host (RFC 9525, section 6).

use std::net::IpAddr;

use super::name::{Host, to_a_labels};

/// How an IP address is told from a DNS name in a list of subject alternative names.
pub const ADDRESS_PREFIX: &str = "IP:";

/// Whether one of `names`, the subject alternative names of a certificate, covers `host`.
///
/// A DNS name matches as a whole, or with `*` as its whole left-most label, which stands for exactly one
/// label. IP addresses (`IP:address`) match IP literals only. A name that is neither covers nothing.
pub fn covers<S: AsRef<str>>(names: &[S], host: &Host) -> bool {
    names.iter().any(|name| {
        let name = name.as_ref();
        match (address_of(name), host) {
            (Some(address), Host::Address(wanted)) => address.parse::<IpAddr>() == Ok(*wanted),
            (None, Host::Name(wanted)) => covers_name(name, wanted),
            (Some(_), Host::Name(_)) | (None, Host::Address(_)) => false,
        }
    })
}

/// The address in `IP:address`, as written.
pub(super) fn address_of(name: &str) -> Option<&str> {
    name.strip_prefix(ADDRESS_PREFIX)
}

fn covers_name(pattern: &str, wanted: &str) -> bool {
    let Ok(pattern) = to_a_labels(pattern) else {
        return false;
    };
    let pattern = pattern.strip_suffix('.').unwrap_or(&pattern);
    match pattern.strip_prefix("*.") {
        Some(parent) => {
            !parent.is_empty()
                && !parent.contains('*')
                && wanted.split_once('.').is_some_and(|(_, rest)| rest == parent)
        }
        // A `*` anywhere else is no wildcard (RFC 9525, section 6.3), and no host has one.
        None => !pattern.contains('*') && pattern == wanted,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::super::name::normalise;
    use super::*;

    #[rstest]
    #[case::same("a.ex.org", "a.ex.org", true)]
    #[case::case_and_dot("A.EX.org.", "a.ex.org", true)]
    #[case::port_does_not_count("a.ex.org", "a.ex.org:8443", true)]
    #[case::one_label("*.ex.org", "a.ex.org", true)]
    #[case::apex("*.ex.org", "ex.org", false)]
    #[case::two_labels("*.ex.org", "a.b.ex.org", false)]
    #[case::wildcard_over_an_a_label("*.ex.org", "bücher.ex.org", true)]
    #[case::u_label("bücher.ex.org", "xn--bcher-kva.ex.org", true)]
    #[case::partial_wildcard("f*.ex.org", "foo.ex.org", false)]
    #[case::partial_wildcard_is_no_name_either("f*.ex.org", "f*.ex.org", false)]
    #[case::inner_wildcard("a.*.org", "a.ex.org", false)]
    #[case::two_wildcards("*.*.org", "a.ex.org", false)]
    #[case::bare_wildcard("*", "localhost", false)]
    #[case::wildcard_without_parent("*.", "a.ex.org", false)]
    #[case::suffix_only("ex.org", "notex.org", false)]
    #[case::address("IP:10.0.0.7", "10.0.0.7:8443", true)]
    #[case::other_address("IP:10.0.0.7", "10.0.0.8", false)]
    #[case::address_of_six("IP:2001:db8:0::1", "[2001:DB8::1]", true)]
    #[case::name_that_looks_like_an_address("10.0.0.7", "10.0.0.7", false)]
    #[case::wildcard_over_an_address("*.0.0.7", "10.0.0.7", false)]
    #[case::broken_address("IP:ten", "10.0.0.7", false)]
    #[case::empty("", "a.ex.org", false)]
    fn one_name_covers(#[case] name: &str, #[case] authority: &str, #[case] expected: bool) {
        assert_eq!(covers(&[name], &normalise(authority).unwrap().host), expected);
    }

    #[test]
    fn no_names_cover_nothing() {
        assert!(!covers::<String>(&[], &Host::Name("a.ex.org".into())));
    }

    proptest! {
        #[test]
        fn a_name_covers_itself_and_its_wildcard_only_one_label_down(
            parent in "[a-z]{1,6}(\\.[a-z]{1,6}){0,2}",
            label in "[a-z0-9]{1,6}",
            deeper in "[a-z0-9]{1,6}",
        ) {
            let below = Host::Name([label.as_str(), &parent].join("."));
            let two_below = Host::Name([deeper.as_str(), &label, &parent].join("."));
            let apex = Host::Name(parent.clone());
            let wildcard = [["*.", &parent].concat()];
            prop_assert!(covers(&[parent], &apex));
            prop_assert!(covers(&wildcard, &below));
            prop_assert!(!covers(&wildcard, &apex));
            prop_assert!(!covers(&wildcard, &two_below));
        }

        #[test]
        fn more_names_never_cover_less(
            names in prop::collection::vec("[a-z*.]{0,10}|IP:[0-9.]{0,9}", 0..5),
            more in "\\PC{0,10}",
            host in "[a-z]{1,3}(\\.[a-z]{1,3}){0,2}",
        ) {
            let host = Host::Name(host);
            let covered = covers(&names, &host);
            let mut names = names;
            names.push(more);
            prop_assert!(!covered || covers(&names, &host));
        }
    }
}
