//! What a Gateway has to answer, by its listeners (GEP-3567).

use std::str::FromStr;

use thiserror::Error;

use crate::policy::gateway::{Hostname, Listener, listener_of};
use crate::verdict::name::{Host, NameError, normalise_server_name};

/// What a Gateway has to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// 421: another listener serves the name.
    Misdirected,
    /// Anything but 421: the listener of the connection serves the name, or decides that it does not.
    NotMisdirected,
}

impl Expected {
    /// For people, and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Misdirected => "421",
            Self::NotMisdirected => "not 421",
        }
    }

    /// Whether this status is it.
    pub const fn is_met_by(self, status: u16) -> bool {
        matches!(self, Self::Misdirected) == (status == 421)
    }
}

/// What to expect where a connection made for `sni` carries a request for `name`. `None` if no listener takes the
/// connection, which leaves open what happens to it, or if no listeners are given.
pub fn expected(listeners: &[Listener], sni: Option<&str>, name: &Host) -> Option<Expected> {
    let sni = sni.map(normalise_server_name).transpose().ok()?;
    let connection = listener_of(listeners, sni.as_ref())?;
    Some(match listener_of(listeners, Some(name)) {
        Some(listener) if listener == connection => Expected::NotMisdirected,
        _ => Expected::Misdirected,
    })
}

/// Why something is no hostname of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("is no hostname of a listener: {0}; write *, *.example.org or www.example.org")]
pub struct NoHostname(#[from] NameError);

/// A listener as it is written on the command line: its hostname.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written(Hostname, String);

impl Written {
    /// The listener, on this port.
    pub fn on(&self, port: u16) -> Listener {
        Listener {
            name: self.1.clone(),
            port,
            hostname: self.0.clone(),
        }
    }
}

impl FromStr for Written {
    type Err = NoHostname;

    fn from_str(raw: &str) -> Result<Self, NoHostname> {
        let name = |raw| {
            normalise_server_name(raw)
                .map(Host::into_text)
                .map_err(NoHostname)
        };
        let hostname = match raw.strip_prefix("*.") {
            _ if raw == "*" => Hostname::Any,
            Some(parent) => Hostname::Below(name(parent)?),
            None => Hostname::Exact(name(raw)?),
        };
        Ok(Self(hostname, raw.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn listeners(hostnames: &[&str]) -> Vec<Listener> {
        let listener = |raw: &&str| raw.parse::<Written>().unwrap().on(443);
        hostnames.iter().map(listener).collect()
    }

    /// The table of GEP-3567.
    #[rstest]
    #[case("example.org", "example.org", false)]
    #[case("example.org", "second-example.org", true)]
    #[case("example.org", "unknown-example.org", false)]
    #[case("second-example.org", "second-example.org", false)]
    #[case("second-example.org", "example.org", true)]
    #[case("second-example.org", "unknown-example.org", true)]
    #[case("third-example.wildcard.org", "third-example.wildcard.org", false)]
    #[case("third-example.wildcard.org", "fifth-example.wildcard.org", false)]
    #[case("third-example.wildcard.org", "fourth-example.wildcard.org", true)]
    #[case("third-example.wildcard.org", "second-example.org", true)]
    #[case("third-example.wildcard.org", "unknown-example.org", true)]
    #[case("fourth-example.wildcard.org", "fourth-example.wildcard.org", false)]
    #[case("fourth-example.wildcard.org", "fifth-example.wildcard.org", true)]
    #[case("unknown-example.org", "example.org", false)]
    #[case("unknown-example.org", "unknown-example.org", false)]
    fn listeners_decide(#[case] sni: &str, #[case] name: &str, #[case] misdirected: bool) {
        let listeners = listeners(&[
            "*",
            "second-example.org",
            "*.wildcard.org",
            "fourth-example.wildcard.org",
        ]);
        let name = Host::Name(name.to_owned());
        let found = expected(&listeners, Some(sni), &name).unwrap();
        assert_eq!(found == Expected::Misdirected, misdirected);
    }

    #[test]
    fn without_a_listener_for_the_connection_nothing_is_expected() {
        let name = Host::Name("a.example".to_owned());
        assert_eq!(expected(&[], Some("a.example"), &name), None);
        assert_eq!(expected(&listeners(&["a.example"]), None, &name), None);
        let other = Host::Name("b.example".to_owned());
        let found = expected(&listeners(&["a.example"]), Some("a.example"), &other);
        assert_eq!(found, Some(Expected::Misdirected));
    }

    #[rstest]
    #[case::met(Expected::Misdirected, 421, true)]
    #[case::another_code(Expected::Misdirected, 404, false)]
    #[case::served(Expected::NotMisdirected, 200, true)]
    #[case::no_such_route(Expected::NotMisdirected, 404, true)]
    #[case::declined(Expected::NotMisdirected, 421, false)]
    fn only_421_tells(#[case] expected: Expected, #[case] status: u16, #[case] met: bool) {
        assert_eq!(expected.is_met_by(status), met);
    }

    #[rstest]
    #[case::empty("")]
    #[case::bare_wildcard("*.")]
    #[case::port("a.example:443")]
    fn what_is_no_hostname_is_told(#[case] raw: &str) {
        let error = raw.parse::<Written>().unwrap_err().to_string();
        assert!(error.contains("*.example.org"), "{error}");
    }
}
