//! What is known of one exchange before it is judged.

use std::borrow::Cow;

/// The facts of one exchange: a request, its response, and the connection they travelled on.
///
/// Names are borrowed from whoever keeps them: thousands of exchanges a second are judged, and few are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Server name of the ClientHello, as sent. Only where [`Self::sni_state`] is `Sent` or `OuterOnly`.
    pub sni: Option<Cow<'a, str>>,
    /// What is known of the server name.
    pub sni_state: SniState,
    /// Subject alternative names of the certificate that the server presented, IP addresses as
    /// `IP:address`; `None` if unknown. No names at all is `Some` of an empty list.
    pub certificate_names: Option<Cow<'a, [String]>>,
    /// HTTP/2 and HTTP/3: `:authority`. HTTP/1.x: the authority of an absolute-form or CONNECT target;
    /// `Absent` for origin-form. `Unknown` if what the request names could not be read at all, be it here
    /// or in `Host`.
    pub authority: Field<Cow<'a, str>>,
    /// Every value of `Host`, in order.
    pub host: Cow<'a, [String]>,
    /// Version of HTTP.
    pub protocol: Protocol,
    /// Request method, as sent; `None` if unknown.
    pub method: Option<Cow<'a, str>>,
    /// Whether the request has `:protocol` (RFC 8441, RFC 9220).
    pub extended_connect: bool,
    /// How it was answered.
    pub status: Status,
    /// Whether this hop is TLS; `None` if unknown.
    pub tls: Option<bool>,
    /// Authorities of earlier requests on this connection.
    pub prior_authorities: Prior<'a>,
    /// What was learned about the listener and the client, or configured.
    pub learned: Learned,
    /// Whether one of these facts came from a fallback rather than from its best source.
    pub fallback: bool,
}

/// Authorities of earlier requests on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prior<'a> {
    /// Those that were seen, this request's own among them or not.
    pub names: Cow<'a, [Box<str>]>,
    /// Whether all were seen.
    pub complete: bool,
}

impl Prior<'_> {
    /// Nothing is known of earlier requests.
    pub const UNKNOWN: Self = Self {
        names: Cow::Borrowed(&[]),
        complete: false,
    };
}

/// A field of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field<T> {
    /// It was there.
    Known(T),
    /// It was not there.
    Absent,
    /// It could not be read: a header-compression table or a part of the head was lost.
    Unknown,
}

/// What is known of the server name in the ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SniState {
    /// One was sent.
    Sent,
    /// None was sent.
    Absent,
    /// Only the outer name of an encrypted ClientHello (RFC 9849) is known.
    OuterOnly,
    /// The handshake was not seen.
    Unknown,
}

impl SniState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Sent, Self::Absent, Self::OuterOnly, Self::Unknown];

    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Absent => "absent",
            Self::OuterOnly => "outer_only",
            Self::Unknown => "unknown",
        }
    }
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    H2,
    /// HTTP/3
    H3,
}

impl Protocol {
    /// Every version.
    pub const ALL: [Self; 4] = [Self::Http10, Self::Http11, Self::H2, Self::H3];

    /// The name in JSON and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "http/1.0",
            Self::Http11 => "http/1.1",
            Self::H2 => "h2",
            Self::H3 => "h3",
        }
    }

    /// Whether requests carry pseudo-header fields, and several names may share a connection (RFC 9113,
    /// section 9.1.1; RFC 9114, section 3.3).
    pub const fn is_multiplexed(self) -> bool {
        matches!(self, Self::H2 | Self::H3)
    }
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The final status code.
    Code(u16),
    /// None came: the stream was reset or the connection closed.
    NoneCame,
    /// Not known, since something was lost.
    Unknown,
}

/// Facts learned per listener, or configured. `false` is "not learned", never "learned not to be".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact; together they are a set"
)]
pub struct Learned {
    /// SNI and authority belong to one listener with one TLS configuration.
    pub same_listener: bool,
    /// The authority is known to work on this server under its own SNI.
    pub known: bool,
    /// Under its own SNI the authority demands a client certificate, and this connection gave none.
    pub mtls_gap: bool,
    /// The answer came from another name's backend.
    pub wrong_backend: bool,
    /// The client is a proxy or load balancer.
    pub proxy_client: bool,
    /// The upstream hop of this exchange answered 421 too.
    pub upstream_421: bool,
    /// The upstream hop of this exchange may have answered 421 too; which of its answers is whose is not known.
    pub upstream_421_unclear: bool,
    /// The connection went to an alternative service (RFC 7838).
    pub alternative_service: bool,
    /// The responder is a forward proxy.
    pub forward_proxy: bool,
    /// The client is a gateway that this server is configured to trust.
    pub trusted_gateway: bool,
}

impl Learned {
    /// The names of all of them, as [`Self::learn`] takes them.
    pub const NAMES: [&'static str; 10] = [
        "same_listener",
        "known",
        "mtls_gap",
        "wrong_backend",
        "proxy_client",
        "upstream_421",
        "upstream_421_unclear",
        "alternative_service",
        "forward_proxy",
        "trusted_gateway",
    ];

    /// Adds what the other has learned.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            same_listener: self.same_listener || other.same_listener,
            known: self.known || other.known,
            mtls_gap: self.mtls_gap || other.mtls_gap,
            wrong_backend: self.wrong_backend || other.wrong_backend,
            proxy_client: self.proxy_client || other.proxy_client,
            upstream_421: self.upstream_421 || other.upstream_421,
            upstream_421_unclear: self.upstream_421_unclear || other.upstream_421_unclear,
            alternative_service: self.alternative_service || other.alternative_service,
            forward_proxy: self.forward_proxy || other.forward_proxy,
            trusted_gateway: self.trusted_gateway || other.trusted_gateway,
        }
    }

    /// The names of those that are learned.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let learned = [
            self.same_listener,
            self.known,
            self.mtls_gap,
            self.wrong_backend,
            self.proxy_client,
            self.upstream_421,
            self.upstream_421_unclear,
            self.alternative_service,
            self.forward_proxy,
            self.trusted_gateway,
        ];
        Self::NAMES
            .into_iter()
            .zip(learned)
            .filter_map(|(name, learned)| learned.then_some(name))
    }

    /// Adds the fact of this name; `false` if there is none.
    #[must_use]
    pub fn learn(&mut self, name: &str) -> bool {
        let fact = match name {
            "same_listener" => &mut self.same_listener,
            "known" => &mut self.known,
            "mtls_gap" => &mut self.mtls_gap,
            "wrong_backend" => &mut self.wrong_backend,
            "proxy_client" => &mut self.proxy_client,
            "upstream_421" => &mut self.upstream_421,
            "upstream_421_unclear" => &mut self.upstream_421_unclear,
            "alternative_service" => &mut self.alternative_service,
            "forward_proxy" => &mut self.forward_proxy,
            "trusted_gateway" => &mut self.trusted_gateway,
            _ => return false,
        };
        *fact = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_learned() {
        for name in Learned::NAMES {
            let mut learned = Learned::default();
            assert!(learned.learn(name), "{name}");
            assert_ne!(learned, Learned::default(), "{name}");
            assert_eq!(learned.names().collect::<Vec<_>>(), [name]);
            assert_eq!(Learned::default().and(learned), learned);
            assert_eq!(learned.and(Learned::default()), learned);
        }
        assert!(!Learned::default().learn("know"));
    }
}
