//! An exchange with its verdict. Words are made when somebody reads them, not for each of thousands a second.

use std::sync::Arc;

use ebpf::record::Direction;

use crate::{
    connection::{Facts, Role, ServerName},
    export::{timestamp, view},
    http::{self, Known, Pairing},
    verdict::{
        self, Class, Confidence, Effective, Field, Learned, SniState, Source, Verdict, name::Authority,
    },
};

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
    pub authority: Option<String>,
    source: Option<Source>,
}

impl Judged {
    /// Judges an exchange. `epoch` as in [`super::Observer::new`].
    pub fn new(id: u64, epoch: u64, connection: Arc<Facts>, exchange: http::Exchange) -> Self {
        let facts = facts(&connection, &exchange);
        let (verdict, confidence) = verdict::decide(&facts);
        let (authority, source) = match verdict::effective_authority(&facts) {
            Effective::Known { authority, source } => (Some(authority.host.to_string()), Some(source)),
            Effective::Nameless | Effective::Malformed(_) | Effective::Unknown => (None, None),
        };
        Self {
            id,
            time: epoch + exchange.requested_at,
            connection,
            exchange,
            verdict,
            confidence,
            authority,
            source,
        }
    }

    /// Class of the verdict.
    pub fn class(&self) -> Class {
        self.verdict.class()
    }

    /// Which side the process was: as the library says, else as the request went.
    pub fn role(&self) -> Role {
        self.connection
            .role
            .unwrap_or(match self.exchange.request_direction {
                Direction::Read => Role::Server,
                Direction::Write => Role::Client,
            })
    }

    /// Server name, as sent.
    pub fn sni(&self) -> Option<&str> {
        match &self.connection.name {
            ServerName::Sent { name, .. } => Some(name),
            ServerName::Absent | ServerName::Unknown => None,
        }
    }

    /// Final status code.
    pub const fn status(&self) -> Option<u16> {
        match self.exchange.status {
            http::Status::Code(code) => Some(code),
            http::Status::NoneCame | http::Status::Unknown => None,
        }
    }

    /// As the public contract spells it.
    pub fn view(&self) -> view::Exchange {
        let connection = &*self.connection;
        let judgement = verdict::judge(&facts(connection, &self.exchange));
        let socket = connection.socket.as_ref();
        view::Exchange {
            id: self.id,
            time: timestamp::from_nanoseconds(self.time),
            role: Some(self.role().as_str().to_owned()),
            protocol: self.exchange.protocol.as_str().to_owned(),
            method: self.exchange.method.as_option().cloned(),
            authority: self.authority.clone(),
            sni: self.sni().map(str::to_owned),
            sni_state: sni_state(connection).as_str().to_owned(),
            status: self.status(),
            verdict: self.verdict.as_str().to_owned(),
            class: self.class().as_str().to_owned(),
            confidence: self.confidence.as_str().to_owned(),
            outcome: (self.status() == Some(421)).then(|| "not_observable".to_owned()),
            connection: view::ExchangeConnection {
                id: connection.id,
                local: socket.map(|socket| socket.local.to_string()),
                peer: socket.map(|socket| socket.peer.to_string()),
                client_random: connection.client_random.map(hexadecimal),
                request_number: self.exchange.request_number,
                prior_authorities: self.prior_authorities(),
            },
            certificate: certificate(connection),
            process: view::Process::clone(&connection.process),
            provenance: view::Provenance {
                authority: self.source.map(|source| source.as_str().to_owned()),
                ..provenance(connection)
            },
            diagnosis: judgement.diagnosis,
            remedy: judgement.remedy,
        }
    }

    fn prior_authorities(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for raw in self.exchange.earlier.names.iter() {
            let name =
                verdict::name::normalise(raw).map_or_else(|_| raw.to_string(), |name| name.host.to_string());
            if Some(&name) != self.authority.as_ref() && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// A connection as the public contract spells it.
pub fn connection_view(facts: &Facts, open: bool) -> view::Connection {
    let socket = facts.socket.as_ref();
    view::Connection {
        id: facts.id,
        time: timestamp::from_nanoseconds(facts.opened_at),
        open,
        role: facts.role.map(|role| role.as_str().to_owned()),
        protocol: None,
        sni: match &facts.name {
            ServerName::Sent { name, .. } => Some(name.clone()),
            ServerName::Absent | ServerName::Unknown => None,
        },
        sni_state: sni_state(facts).as_str().to_owned(),
        local: socket.map(|socket| socket.local.to_string()),
        peer: socket.map(|socket| socket.peer.to_string()),
        client_random: facts.client_random.map(hexadecimal),
        version: match facts.version {
            0x0301 => Some("TLSv1.0".to_owned()),
            0x0302 => Some("TLSv1.1".to_owned()),
            0x0303 => Some("TLSv1.2".to_owned()),
            0x0304 => Some("TLSv1.3".to_owned()),
            _ => None,
        },
        resumed: facts.resumed,
        requests: 0,
        authorities: Vec::new(),
        certificate: certificate(facts),
        process: view::Process::clone(&facts.process),
        provenance: provenance(facts),
    }
}

fn facts(connection: &Facts, exchange: &http::Exchange) -> verdict::Facts {
    let called = matches!(&connection.name, ServerName::Sent { source: "call", .. });
    let mut facts = verdict::Facts {
        sni: match &connection.name {
            ServerName::Sent { name, .. } => Some(name.clone()),
            ServerName::Absent | ServerName::Unknown => None,
        },
        sni_state: sni_state(connection),
        certificate_names: connection.certificate_names.as_ref().map(|names| names.to_vec()),
        authority: authority(exchange),
        host: exchange.host.as_option().cloned().unwrap_or_default(),
        protocol: match exchange.protocol {
            http::Protocol::Http10 => verdict::Protocol::Http10,
            http::Protocol::Http11 => verdict::Protocol::Http11,
            http::Protocol::H2 => verdict::Protocol::H2,
        },
        method: exchange.method.as_option().cloned(),
        extended_connect: exchange.extended_connect == Known::Yes(true),
        status: match exchange.status {
            http::Status::Code(code) => verdict::Status::Code(code),
            http::Status::NoneCame => verdict::Status::NoneCame,
            http::Status::Unknown => verdict::Status::Unknown,
        },
        tls: Some(true),
        prior_authorities: None,
        learned: Learned::default(),
        fallback: called || exchange.pairing == Pairing::Assumed,
    };
    facts.prior_authorities = prior(exchange, verdict::effective_authority(&facts).authority());
    facts
}

fn authority(exchange: &http::Exchange) -> Field<String> {
    match &exchange.authority {
        http::Authority::Present { value, .. } => Field::Known(value.clone()),
        http::Authority::Absent if exchange.names_are_known() => Field::Absent,
        http::Authority::Absent | http::Authority::Unknown => Field::Unknown,
    }
}

/// Names of earlier requests. Where not all are known and none that is known is another one, whether there was
/// another cannot be told.
fn prior(exchange: &http::Exchange, authority: Option<&Authority>) -> Option<Vec<String>> {
    let names = &exchange.earlier.names;
    let other = |name: &str| {
        verdict::name::normalise(name).is_ok_and(|name| Some(&name.host) != authority.map(|own| &own.host))
    };
    let told = exchange.earlier.complete || names.iter().any(|name| other(name));
    told.then(|| names.iter().map(ToString::to_string).collect())
}

pub(crate) fn sni_state(connection: &Facts) -> SniState {
    match connection.name {
        ServerName::Sent { .. } => SniState::Sent,
        ServerName::Absent => SniState::Absent,
        ServerName::Unknown => SniState::Unknown,
    }
}

fn certificate(connection: &Facts) -> view::Certificate {
    view::Certificate {
        names: connection.certificate_names.as_ref().map(|names| names.to_vec()),
        provenance: connection.certificate_source.map(str::to_owned),
    }
}

fn provenance(connection: &Facts) -> view::Provenance {
    view::Provenance {
        sni: match &connection.name {
            ServerName::Sent { source, .. } => Some((*source).to_owned()),
            ServerName::Absent => Some("object".to_owned()),
            ServerName::Unknown => None,
        },
        socket: connection.socket.map(|socket| socket.source.as_str().to_owned()),
        authority: None,
        certificate: connection.certificate_source.map(str::to_owned),
    }
}

fn hexadecimal(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
