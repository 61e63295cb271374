//! Compact facts made into the objects of the public contract, for whoever reads them.

use super::explain::Material;
use super::store::{Cause, Connection, Finding, Kept, Line, NameCount, Recent};
use super::{timestamp, view};
use crate::connection::{Alpn, Facts, NameSource, Pair, Role, RoleSource, Visibility};
use crate::listener::{Listener, Name};
use crate::observer::Judged;
use crate::verdict::SniState;
use crate::wire::client_hello::{ClientHello, ServerName};

/// An exchange of which nothing more was learned later.
pub fn judged(judged: &Judged) -> view::Exchange {
    let connection = &*judged.connection;
    let judgement = judged.explain();
    let status = judged.status();
    let socket = connection.socket.as_ref();
    view::Exchange {
        id: judged.id,
        time: timestamp::from_nanoseconds(judged.time),
        role: Some(judged.role().as_str().to_owned()),
        protocol: judged.exchange.protocol.as_str().to_owned(),
        method: judged.exchange.method.as_option().map(ToString::to_string),
        authority: judged.authority.as_deref().map(str::to_owned),
        sni: judged.sni().map(str::to_owned),
        sni_state: sni_state(connection),
        status,
        verdict: judged.verdict.as_str().to_owned(),
        class: judged.class().as_str().to_owned(),
        confidence: judged.confidence.as_str().to_owned(),
        outcome: None,
        retried_as: None,
        learned: judged.learned.names().map(str::to_owned).collect(),
        connection: view::ExchangeConnection {
            id: connection.id,
            local: socket.map(|socket| socket.local.to_string()),
            peer: socket.map(|socket| socket.peer.to_string()),
            client_random: connection.client_random.map(hexadecimal),
            request_number: judged.exchange.request_number,
            transport: connection.transport.as_str().to_owned(),
            alpn: alpn(connection),
            resumed: connection.resumed,
            pair: connection.pair.as_deref().map(pair),
            prior_authorities: judged.prior_authorities(),
        },
        certificate: certificate(connection),
        process: view::Process::clone(&connection.process),
        provenance: view::Provenance {
            authority: judged.source.map(|source| source.as_str().to_owned()),
            role: Some(
                connection
                    .role_source
                    .unwrap_or(RoleSource::Requests)
                    .as_str()
                    .to_owned(),
            ),
            ..provenance(connection)
        },
        diagnosis: judgement.diagnosis,
        remedy: judgement.remedy,
    }
}

/// An exchange of the store.
pub fn exchange(recent: &Recent) -> view::Exchange {
    let mut view = judged(&recent.judged);
    if let Some(known) = recent.outcome {
        view.outcome = Some(known.outcome.as_str().to_owned());
        view.retried_as = known.retried_as;
    }
    if let Some(pair) = &recent.pair {
        view.connection.pair = Some(self::pair(pair));
    }
    view
}

/// A finding of this run or of an earlier one.
pub fn finding(finding: &Finding) -> view::Exchange {
    match finding {
        Finding::Recent(recent) => exchange(recent),
        Finding::Past(past) => view::Exchange::clone(past),
    }
}

impl Kept {
    /// As objects of the contract.
    pub fn present(&self) -> Material {
        Material {
            exchange: exchange(&self.exchange),
            connection: self.connection.as_ref().map(connection),
            neighbours: self.neighbours.iter().map(exchange).collect(),
            retry: self.retry.as_ref().map(exchange),
        }
    }
}

/// A connection of the store.
pub fn connection(connection: &Connection) -> view::Connection {
    let Connection { facts, open, traffic } = connection;
    let hello = facts.hello.as_deref();
    let socket = facts.socket.as_ref();
    view::Connection {
        id: facts.id,
        time: timestamp::from_nanoseconds(facts.opened_at),
        open: (facts.visibility == Visibility::Requests).then_some(*open),
        visibility: facts.visibility.as_str().to_owned(),
        transport: facts.transport.as_str().to_owned(),
        role: facts.role.map(|role| role.as_str().to_owned()),
        protocol: traffic.protocol.map(|protocol| protocol.as_str().to_owned()),
        sni: facts.name.as_sent().map(str::to_owned),
        sni_state: sni_state(facts),
        local: socket.map(|socket| socket.local.to_string()),
        peer: socket.map(|socket| socket.peer.to_string()),
        client_random: facts.client_random.map(hexadecimal),
        version: (facts.version != 0).then(|| version(facts.version)),
        resumed: facts.resumed,
        alpn: alpn(facts),
        asks_client_certificate: facts
            .verify_mode
            .map(asks_client_certificate)
            .filter(|_| facts.role == Some(Role::Server)),
        client_hello: hello.map(|hello| client_hello(hello, facts)),
        pair: facts.pair.as_deref().map(pair),
        requests: traffic.requests,
        authorities: traffic.authorities.iter().map(ToString::to_string).collect(),
        certificate: certificate(facts),
        process: view::Process::clone(&facts.process),
        provenance: provenance(facts),
    }
}

/// A line of the store's summary, at this time in nanoseconds since the Unix epoch.
pub fn summary_line(line: &Line, now: u64) -> view::SummaryLine {
    let cause = line.cause.as_ref();
    let (lately, before) = line.trend.counts(now);
    let name = |name: &NameCount| view::SummaryName {
        sni: name.sni().map(str::to_owned),
        sni_state: name.sni_state().as_str().to_owned(),
        authority: name.authority.as_deref().map(str::to_owned),
        count: name.count,
    };
    view::SummaryLine {
        verdict: line.verdict().to_owned(),
        class: line.class().to_owned(),
        role: line.role().map(str::to_owned),
        exe: cause.and_then(Cause::exe).map(str::to_owned),
        other_exe: cause.and_then(Cause::other_exe).map(str::to_owned),
        count: line.count,
        clients: line.clients.count(),
        more_clients: line.clients.more,
        names: line.names.by_count().into_iter().map(name).collect(),
        other_names: line.names.other,
        first: timestamp::from_nanoseconds(line.first),
        last: timestamp::from_nanoseconds(line.last),
        trend: line.trend.direction(now).as_str().to_owned(),
        lately,
        before,
        latest: line.latest,
    }
}

/// What is known of a listener's names, one object each.
pub fn listener(listener: &Listener) -> Vec<view::Listener> {
    let place = listener.place;
    let name = |(name, known): (Option<&str>, &Name)| view::Listener {
        address: place.address.to_string(),
        netns: (place.netns != 0).then_some(place.netns),
        role: place.role.as_str().to_owned(),
        name: name.map(str::to_owned),
        requests: known.requests,
        misdirected: known.misdirected,
        known: known.served.is_some(),
        certificate_names: known.certificate_names.as_ref().map(|names| names.to_vec()),
        client_certificate: known.demand.map(|demand| demand.as_str().to_owned()),
        versions: known.versions.iter().copied().map(version).collect(),
        alpn: known.protocols.iter().cloned().collect(),
        process: known.process.as_deref().cloned(),
        unkept: listener.unkept,
        first: timestamp::from_nanoseconds(known.first),
        last: timestamp::from_nanoseconds(known.last),
    };
    listener.names().map(name).collect()
}

fn alpn(connection: &Facts) -> Option<String> {
    match &connection.alpn {
        Alpn::Chosen(protocol) => Some(protocol.clone()),
        Alpn::Absent | Alpn::Unknown => None,
    }
}

/// `SSL_VERIFY_PEER`.
const fn asks_client_certificate(verify_mode: u8) -> bool {
    const PEER: u8 = 1;
    verify_mode & PEER != 0
}

fn pair(pair: &Pair) -> view::Pair {
    view::Pair {
        connection: pair.connection,
        pid: pair.process.pid,
        exe: pair.process.exe.clone(),
    }
}

fn client_hello(hello: &ClientHello, connection: &Facts) -> view::ClientHello {
    // Whose end the machine has is not known: the addresses are told by which is which.
    let flow = connection.flow.filter(|_| connection.socket.is_none());
    view::ClientHello {
        source: flow.map(|flow| flow.source.to_string()),
        destination: flow.map(|flow| flow.destination.to_string()),
        sni: match &hello.server_name {
            ServerName::Sent(name) => Some(name.clone()),
            ServerName::Absent | ServerName::Malformed => None,
        },
        alpn: hello.protocols.clone(),
        versions: hello.supported_versions.iter().copied().map(version).collect(),
        encrypted_client_hello: hello.encrypted_client_hello.as_str().to_owned(),
        offers_resumption: hello.resumption.ticket || hello.resumption.pre_shared_key,
        early_data: hello.early_data,
        ja4: hello.ja4.clone(),
    }
}

/// The name of a version of TLS, or its number.
fn version(number: u16) -> String {
    match number {
        0x0301 => "TLSv1.0".to_owned(),
        0x0302 => "TLSv1.1".to_owned(),
        0x0303 => "TLSv1.2".to_owned(),
        0x0304 => "TLSv1.3".to_owned(),
        number => format!("{number:#06x}"),
    }
}

fn sni_state(connection: &Facts) -> String {
    SniState::from(&connection.name).as_str().to_owned()
}

fn certificate(connection: &Facts) -> view::Certificate {
    view::Certificate {
        names: connection.certificate_names.as_ref().map(|names| names.to_vec()),
        provenance: connection
            .certificate_source
            .map(|source| source.as_str().to_owned()),
    }
}

fn provenance(connection: &Facts) -> view::Provenance {
    view::Provenance {
        sni: sni_provenance(connection).map(str::to_owned),
        socket: connection.socket.map(|socket| socket.source.as_str().to_owned()),
        authority: None,
        certificate: connection
            .certificate_source
            .map(|source| source.as_str().to_owned()),
        role: connection.role_source.map(|source| source.as_str().to_owned()),
    }
}

/// How the server name was learned, or that there was none.
pub(super) fn sni_provenance(connection: &Facts) -> Option<&'static str> {
    connection.name_source.map(NameSource::as_str)
}

fn hexadecimal(bytes: [u8; 32]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).expect("four bits are one digit");
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
        .collect()
}
