//! Whom to ask: a URL, other names, and where connections go.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::uri::PathAndQuery;
use rustls::pki_types::ServerName;
use thiserror::Error;

use crate::verdict::name::{Host, NameError, normalise};

/// Port of `https` (RFC 9110, section 4.2.2).
pub const HTTPS: u16 = 443;

/// An `https` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its host.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// Its path and query.
    pub path: PathAndQuery,
}

/// Where connections go, whatever the URL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// Address, or name to look up.
    pub host: Host,
    /// `None`: the URL's.
    pub port: Option<u16>,
}

/// Why an argument names no server. Each reads on after the argument.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// There is no scheme.
    #[error("has no scheme: write https://{0}")]
    NoScheme(String),
    /// The scheme is not `https`.
    #[error("is not https but {0}: without TLS there is no connection made for a name, so nothing to check")]
    Scheme(String),
    /// The host is none.
    #[error("has no usable host: {0}")]
    Host(#[from] NameError),
    /// The host cannot be sent as SNI.
    #[error("has a host that no ClientHello can carry as server name: {0}")]
    NoServerName(String),
    /// The port is none.
    #[error("has no usable port: give 1 to 65535")]
    Port,
    /// A port where only a host may stand.
    #[error("has a port: the port is always the URL's, so name the host alone")]
    PortOfName,
    /// The path is none.
    #[error("has no usable path: percent-encode blanks and other special characters")]
    Path,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(url: &str) -> Result<Self, TargetError> {
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
            Some((scheme, _)) => return Err(TargetError::Scheme(scheme.to_owned())),
            None => return Err(TargetError::NoScheme(url.to_owned())),
        };
        let (rest, _fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = normalise(authority)?;
        let port = match authority.port {
            Some(0) => return Err(TargetError::Port),
            port => port.unwrap_or(HTTPS),
        };
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        Ok(Self {
            host: dialable(authority.host)?,
            port,
            path: PathAndQuery::try_from(path).map_err(|_| TargetError::Path)?,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.host)?;
        if self.port != HTTPS {
            write!(f, ":{}", self.port)?;
        }
        write!(f, "{}", self.path)
    }
}

/// A name to ask for beside the URL's host.
///
/// # Errors
/// If it is no host, has a port, or cannot be sent as SNI.
pub fn name(raw: &str) -> Result<Host, TargetError> {
    let authority = match raw.parse::<IpAddr>() {
        Ok(address) => return Ok(Host::Address(address)),
        Err(_) => normalise(raw)?,
    };
    if authority.port.is_some() {
        return Err(TargetError::PortOfName);
    }
    dialable(authority.host)
}

impl FromStr for Via {
    type Err = TargetError;

    fn from_str(raw: &str) -> Result<Self, TargetError> {
        if let Ok(address) = raw.parse::<SocketAddr>() {
            return Self::new(Host::Address(address.ip()), Some(address.port()));
        }
        let literal = raw.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = literal.unwrap_or(raw).parse::<IpAddr>() {
            return Self::new(Host::Address(address), None);
        }
        let (host, port) = match raw.rsplit_once(':') {
            // `normalise` takes 443 for no port, which here is the URL's.
            Some((host, port)) => (host, Some(port.parse().map_err(|_| TargetError::Port)?)),
            None => (raw, None),
        };
        Self::new(normalise(host)?.host, port)
    }
}

impl Via {
    fn new(host: Host, port: Option<u16>) -> Result<Self, TargetError> {
        if port == Some(0) {
            return Err(TargetError::Port);
        }
        Ok(Self { host, port })
    }
}

fn dialable(host: Host) -> Result<Host, TargetError> {
    match host {
        Host::Name(name) if ServerName::try_from(name.as_str()).is_err() => {
            Err(TargetError::NoServerName(name))
        }
        host => Ok(host),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::host("https://Shop.Example", "https://shop.example/")]
    #[case::port("HTTPS://shop.example:8443/a?b=c#d", "https://shop.example:8443/a?b=c")]
    #[case::default_port("https://shop.example:443", "https://shop.example/")]
    #[case::query_alone("https://shop.example?b=/c", "https://shop.example/?b=/c")]
    #[case::address_of_six("https://[::1]:8443", "https://[::1]:8443/")]
    #[case::u_label("https://bücher.example", "https://xn--bcher-kva.example/")]
    #[case::underscore("https://my_app.svc", "https://my_app.svc/")]
    fn urls_take_one_spelling(#[case] url: &str, #[case] expected: &str) {
        assert_eq!(url.parse::<Target>().unwrap().to_string(), expected);
    }

    #[rstest]
    #[case::clear_text("http://shop.example", "is not https but http")]
    #[case::no_scheme("shop.example", "write https://shop.example")]
    #[case::userinfo("https://root@shop.example", "userinfo")]
    #[case::no_host("https:///path", "no host")]
    #[case::port_zero("https://shop.example:0", "1 to 65535")]
    #[case::no_server_name("https://a!b.example", "a!b.example")]
    #[case::blank_in_the_path("https://shop.example/a b", "percent-encode")]
    fn what_is_no_target_is_told_why(#[case] url: &str, #[case] expected: &str) {
        let error = url.parse::<Target>().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[rstest]
    #[case::name("api.example", Ok("api.example"))]
    #[case::address("::1", Ok("[::1]"))]
    #[case::port("api.example:8443", Err(TargetError::PortOfName))]
    fn other_names_are_hosts_alone(#[case] raw: &str, #[case] expected: Result<&str, TargetError>) {
        let found = name(raw).map(|host| host.to_string());
        assert_eq!(found, expected.map(str::to_owned));
    }

    #[rstest]
    #[case::address("10.0.0.7", "10.0.0.7", None)]
    #[case::with_port("10.0.0.7:443", "10.0.0.7", Some(443))]
    #[case::six("::1", "[::1]", None)]
    #[case::six_in_brackets("[::1]", "[::1]", None)]
    #[case::six_with_port("[::1]:8443", "[::1]", Some(8443))]
    #[case::name("backend.example:443", "backend.example", Some(443))]
    fn connections_go_elsewhere(#[case] raw: &str, #[case] host: &str, #[case] port: Option<u16>) {
        let via: Via = raw.parse().unwrap();
        assert_eq!((via.host.to_string().as_str(), via.port), (host, port));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(raw in "(https://)?\\PC{0,30}") {
            let _ = raw.parse::<Target>();
            let _ = raw.parse::<Via>();
            let _ = name(&raw);
        }
    }
}
