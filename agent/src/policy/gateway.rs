//! Listeners of a Gateway, and which of them a name belongs to (Kubernetes Gateway API; GEP-3567).

use crate::verdict::name::Host;

/// A listener of a Gateway: what its connections are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name, unique in the policy.
    pub name: String,
    /// Port that it listens on.
    pub port: u16,
    /// Names that it serves.
    pub hostname: Hostname,
}

/// The hostname of a listener. Other than in a certificate, `*.` stands for one label or more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hostname {
    /// Every name that no other listener takes, and connections without SNI.
    Any,
    /// Every name below this one.
    Below(String),
    /// This name.
    Exact(String),
}

impl Hostname {
    /// How specific a match is, more is better; `None` if `name` does not match.
    fn specificity(&self, name: &Host) -> Option<usize> {
        match (self, name) {
            (Self::Any, _) => Some(0),
            (Self::Below(parent), Host::Name(name)) => {
                let below = name.strip_suffix(parent.as_str())?.strip_suffix('.')?;
                (!below.is_empty()).then_some(1 + parent.len())
            }
            (Self::Exact(exact), Host::Name(name)) if exact == name => Some(usize::MAX),
            (Self::Below(_) | Self::Exact(_), _) => None,
        }
    }
}

/// The listener that serves `name` among those of one port: the most specific one. `None` for `name` is no SNI.
pub fn listener_of<'a>(
    listeners: impl IntoIterator<Item = &'a Listener>,
    name: Option<&Host>,
) -> Option<&'a Listener> {
    listeners
        .into_iter()
        .filter_map(|listener| {
            let specificity = match name {
                Some(name) => listener.hostname.specificity(name)?,
                None if listener.hostname == Hostname::Any => 0,
                None => return None,
            };
            Some((specificity, listener))
        })
        .max_by_key(|(specificity, _)| *specificity)
        .map(|(_, listener)| listener)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::verdict::name::normalise_server_name;

    fn listeners() -> Vec<Listener> {
        let listener = |name: &str, hostname| Listener {
            name: name.to_owned(),
            port: 443,
            hostname,
        };
        vec![
            listener("any", Hostname::Any),
            listener("second", Hostname::Exact("second-example.org".to_owned())),
            listener("wildcard", Hostname::Below("wildcard.org".to_owned())),
            listener(
                "fourth",
                Hostname::Exact("fourth-example.wildcard.org".to_owned()),
            ),
        ]
    }

    #[rstest]
    #[case::exact(Some("second-example.org"), "second")]
    #[case::catch_all(Some("unknown-example.org"), "any")]
    #[case::wildcard(Some("third-example.wildcard.org"), "wildcard")]
    #[case::two_labels(Some("a.b.wildcard.org"), "wildcard")]
    #[case::exact_before_wildcard(Some("fourth-example.wildcard.org"), "fourth")]
    #[case::a_wildcard_is_not_its_parent(Some("wildcard.org"), "any")]
    #[case::only_whole_labels(Some("notwildcard.org"), "any")]
    #[case::no_name(None, "any")]
    fn the_most_specific_listener_serves(#[case] name: Option<&str>, #[case] expected: &str) {
        let name = name.map(|name| normalise_server_name(name).unwrap());
        let listeners = listeners();
        let found = listener_of(&listeners, name.as_ref()).unwrap();
        assert_eq!(found.name, expected);
    }

    #[test]
    fn without_a_catch_all_a_name_may_have_no_listener() {
        let listeners = &listeners()[1..];
        assert_eq!(listener_of(listeners, None), None);
        let name = normalise_server_name("unknown-example.org").unwrap();
        assert_eq!(listener_of(listeners, Some(&name)), None);
    }
}
