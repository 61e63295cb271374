//! What a request is about: its effective authority.

use super::facts::{Facts, Field, Protocol};
use super::name::{Authority, NameError, normalise};

/// The authority that the exchange is about, normalised, and where it stood.
///
/// HTTP/2 and HTTP/3 (RFC 9113, section 8.3.1; RFC 9114, section 4.3.1): `:authority`, else a single
/// `Host`. HTTP/1.x (RFC 9112, sections 3.2 and 3.3): the target, else `Host`. A plain CONNECT is about the
/// tunnel's target and nothing else (RFC 9110, section 9.3.6).
pub fn effective_authority(facts: &Facts<'_>) -> Effective {
    let named = match &facts.authority {
        Field::Known(raw) => Some(&**raw),
        Field::Absent => None,
        Field::Unknown => return Effective::Unknown,
    };
    let found = if is_tunnel(facts) {
        tunnel_target(facts, named)
    } else if facts.protocol.is_multiplexed() {
        multiplexed(facts, named)
    } else {
        sequential(facts, named)
    };
    found.unwrap_or_else(Effective::Malformed)
}

/// Whether the request opens a tunnel: a CONNECT without `:protocol`.
pub fn is_tunnel(facts: &Facts<'_>) -> bool {
    let extended = facts.extended_connect && facts.protocol.is_multiplexed();
    !extended && facts.method.as_deref() == Some("CONNECT")
}

/// What a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effective {
    /// One authority.
    Known {
        /// The authority, normalised.
        authority: Authority,
        /// Where it stood.
        source: Source,
    },
    /// None, as HTTP/1.0 allows.
    Nameless,
    /// None that may be used.
    Malformed(Malformed),
    /// It could not be read.
    Unknown,
}

impl Effective {
    /// The authority, if there is one.
    pub const fn authority(&self) -> Option<&Authority> {
        match self {
            Self::Known { authority, .. } => Some(authority),
            Self::Nameless | Self::Malformed(_) | Self::Unknown => None,
        }
    }
}

/// Where the effective authority stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The `:authority` pseudo-header field.
    Authority,
    /// The `Host` field.
    Host,
    /// The absolute-form or authority-form target of HTTP/1.x.
    Target,
}

impl Source {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Host => "host",
            Self::Target => "target",
        }
    }
}

/// Why a request names nothing that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// HTTP/1.1 without `Host` (RFC 9112, section 3.2).
    NoHost,
    /// HTTP/2 or HTTP/3 with neither `:authority` nor `Host`.
    NoAuthority,
    /// Several `Host` fields where one has to decide.
    SeveralHosts(Vec<String>),
    /// A `Host` that differs from the `:authority` beside it.
    HostDiffers {
        /// The `:authority`, as sent.
        authority: String,
        /// The `Host` that differs, as sent.
        host: String,
    },
    /// It is no authority.
    Unparsable {
        /// As sent.
        raw: String,
        /// Where it stood.
        source: Source,
        /// What is wrong with it.
        error: NameError,
    },
}

fn multiplexed(facts: &Facts<'_>, authority: Option<&str>) -> Result<Effective, Malformed> {
    let Some(authority) = authority else {
        return match &facts.host[..] {
            [] => Err(Malformed::NoAuthority),
            [host] => known(host, Source::Host),
            several => Err(Malformed::SeveralHosts(several.to_vec())),
        };
    };
    let effective = known(authority, Source::Authority)?;
    let differs = |host: &&String| normalise(host).ok().as_ref() != effective.authority();
    match facts.host.iter().find(differs) {
        Some(host) => Err(Malformed::HostDiffers {
            authority: authority.to_owned(),
            host: host.clone(),
        }),
        None => Ok(effective),
    }
}

fn sequential(facts: &Facts<'_>, target: Option<&str>) -> Result<Effective, Malformed> {
    let version_demands_host = facts.protocol == Protocol::Http11;
    match (target, &facts.host[..]) {
        (_, [_, _, ..]) => Err(Malformed::SeveralHosts(facts.host.to_vec())),
        (_, []) if version_demands_host => Err(Malformed::NoHost),
        // Host beside an absolute-form target is ignored, whatever it says (RFC 9112, section 3.2.2).
        (Some(target), _) => known(target, Source::Target),
        (None, [host]) => known(host, Source::Host),
        (None, []) => Ok(Effective::Nameless),
    }
}

fn tunnel_target(facts: &Facts<'_>, target: Option<&str>) -> Result<Effective, Malformed> {
    let source = if facts.protocol.is_multiplexed() {
        Source::Authority
    } else {
        Source::Target
    };
    known(target.ok_or(Malformed::NoAuthority)?, source)
}

fn known(raw: &str, source: Source) -> Result<Effective, Malformed> {
    match normalise(raw) {
        Ok(authority) => Ok(Effective::Known { authority, source }),
        Err(error) => Err(Malformed::Unparsable {
            raw: raw.to_owned(),
            source,
            error,
        }),
    }
}
