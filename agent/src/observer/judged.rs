//! An exchange with its verdict. Words are made when somebody reads them, not for each of thousands a second.

use std::{borrow::Cow, sync::Arc};

use crate::{
    connection::{Facts, NameSource, Role, ServerName},
    http::{self, Known, Pairing},
    verdict::{
        self, Class, Confidence, Decision, Effective, Field, Judgement, Learned, Prior, SniState, Source,
        Verdict, name::Host,
    },
};

/// Whether a 421 was passed on from another hop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relay {
    /// No other hop of it was seen to answer so.
    #[default]
    No,
    /// Another hop answered 421 to a request for the same authority meanwhile.
    Yes,
    /// Another hop answered 421 meanwhile, but to a request for another authority; or the hop that could tell did not.
    Unclear,
}

/// What other hops tell of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// Whether the answer was passed on.
    pub relay: Relay,
    /// The client's process serves TLS itself: it is a proxy, a load balancer or another server, no browser.
    pub proxy_client: bool,
}

impl From<Hop> for Learned {
    fn from(hop: Hop) -> Self {
        Self {
            proxy_client: hop.proxy_client,
            upstream_421: hop.relay == Relay::Yes,
            upstream_421_unclear: hop.relay == Relay::Unclear,
            ..Self::default()
        }
    }
}

/// The names of an exchange, normalised, for those who know more about them.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// What the connection was made for; `None` if no name was sent, or it is not known.
    pub sni: Option<&'a Host>,
    /// What the request is for.
    pub authority: Option<&'a Host>,
}

/// An exchange with its verdict.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Unique in this run of the agent, increasing.
    pub id: u64,
    /// The request's time, nanoseconds since the Unix epoch.
    pub time: u64,
    /// The connection as it was known when the exchange was complete.
    pub connection: Arc<Facts>,
    /// The exchange.
    pub exchange: http::Exchange,
    /// What it is called.
    pub verdict: Verdict,
    /// How far that can be trusted.
    pub confidence: Confidence,
    /// Effective authority, normalised: without its port.
    pub authority: Option<Box<str>>,
    /// Where the effective authority stood.
    pub source: Option<Source>,
    /// What was learned about the listener, the client and other hops, or configured.
    pub learned: Learned,
}

impl Judged {
    /// Judges an exchange. `epoch` as in [`super::Observer::new`]; `learn` tells what is known of the names beside what
    /// was seen.
    pub fn new(
        id: u64,
        epoch: u64,
        connection: Arc<Facts>,
        exchange: http::Exchange,
        learn: impl FnOnce(Names<'_>) -> Learned,
    ) -> Self {
        let mut facts = facts(&connection, &exchange, Learned::default());
        let effective = verdict::effective_authority(&facts);
        let authority = effective.authority().map(|authority| &authority.host);
        let sni = connection.name.as_sent();
        let other_sni;
        let sni = match authority {
            Some(host) if sni.is_some_and(|name| host.is_written(name)) => Some(host),
            _ => {
                other_sni = sni.and_then(|name| verdict::name::normalise_server_name(name).ok());
                other_sni.as_ref()
            }
        };
        let learned = learn(Names { sni, authority });
        facts.learned = learned;
        let Decision {
            verdict,
            confidence,
            effective,
        } = verdict::decide_for(&facts, effective);
        let (authority, source) = match effective {
            Effective::Known { authority, source } => (Some(authority.host.into_text().into()), Some(source)),
            Effective::Nameless | Effective::Malformed(_) | Effective::Unknown => (None, None),
        };
        Self {
            id,
            time: epoch.saturating_add(exchange.requested_at),
            connection,
            exchange,
            verdict,
            confidence,
            authority,
            source,
            learned,
        }
    }

    /// The verdict again, with its explanation.
    pub fn explain(&self) -> Judgement {
        verdict::judge(&facts(&self.connection, &self.exchange, self.learned))
    }

    /// Class of the verdict.
    pub fn class(&self) -> Class {
        self.verdict.class()
    }

    /// Which side the process was: as the library says, else as the request went.
    pub fn role(&self) -> Role {
        self.connection
            .role
            .unwrap_or(Role::of_requests(self.exchange.request_direction))
    }

    /// When the exchange was complete, nanoseconds since the Unix epoch.
    pub const fn completed_at(&self) -> u64 {
        let lasted = self
            .exchange
            .completed_at
            .saturating_sub(self.exchange.requested_at);
        self.time.saturating_add(lasted)
    }

    /// Server name, as sent.
    pub fn sni(&self) -> Option<&str> {
        self.connection.name.as_sent()
    }

    /// Final status code.
    pub const fn status(&self) -> Option<u16> {
        match self.exchange.status {
            http::Status::Code(code) => Some(code),
            http::Status::NoneCame | http::Status::Unknown => None,
        }
    }

    /// Different authorities that earlier requests of the connection named, other than its own, in order of
    /// first appearance; normalised where they are authorities.
    pub fn prior_authorities(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for raw in self.exchange.earlier.names.iter() {
            let name =
                verdict::name::normalise(raw).map_or_else(|_| raw.to_string(), |name| name.host.to_string());
            if Some(name.as_str()) != self.authority.as_deref() && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl From<&ServerName> for SniState {
    fn from(name: &ServerName) -> Self {
        match name {
            ServerName::Sent(_) => Self::Sent,
            ServerName::Outer(_) => Self::OuterOnly,
            ServerName::Absent => Self::Absent,
            ServerName::Unknown => Self::Unknown,
        }
    }
}

/// The effective authority of an exchange, normalised, without its port.
pub(super) fn authority_of(connection: &Facts, exchange: &http::Exchange) -> Option<Box<str>> {
    match verdict::effective_authority(&facts(connection, exchange, Learned::default())) {
        Effective::Known { authority, .. } => Some(authority.host.into_text().into()),
        Effective::Nameless | Effective::Malformed(_) | Effective::Unknown => None,
    }
}

/// What the verdict asks for.
fn facts<'a>(connection: &'a Facts, exchange: &'a http::Exchange, learned: Learned) -> verdict::Facts<'a> {
    let called = connection.name_source == Some(NameSource::Call);
    verdict::Facts {
        sni: connection.name.as_sent().map(Cow::Borrowed),
        sni_state: SniState::from(&connection.name),
        certificate_names: connection.certificate_names.as_deref().map(Cow::Borrowed),
        authority: authority(exchange),
        host: Cow::Borrowed(exchange.host.as_option().map_or(&[], Vec::as_slice)),
        protocol: match exchange.protocol {
            http::Protocol::Http10 => verdict::Protocol::Http10,
            http::Protocol::Http11 => verdict::Protocol::Http11,
            http::Protocol::H2 => verdict::Protocol::H2,
        },
        method: exchange.method.as_option().map(|method| Cow::Borrowed(&**method)),
        extended_connect: exchange.extended_connect == Known::Yes(true),
        status: match exchange.status {
            http::Status::Code(code) => verdict::Status::Code(code),
            http::Status::NoneCame => verdict::Status::NoneCame,
            http::Status::Unknown => verdict::Status::Unknown,
        },
        tls: Some(true),
        prior_authorities: Prior {
            names: Cow::Borrowed(&exchange.earlier.names),
            complete: exchange.earlier.complete,
        },
        learned,
        fallback: called || exchange.pairing == Pairing::Assumed,
    }
}

fn authority(exchange: &http::Exchange) -> Field<Cow<'_, str>> {
    match &exchange.authority {
        http::Authority::Present { value, .. } => Field::Known(Cow::Borrowed(value)),
        http::Authority::Absent if exchange.names_are_known() => Field::Absent,
        http::Authority::Absent | http::Authority::Unknown => Field::Unknown,
    }
}
