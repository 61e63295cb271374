//! What happened, in order.

use super::Material;
use crate::export::view::{Connection, Exchange, Moment};

/// Neighbours that are told before and after the exchange.
const AROUND: usize = 5;

/// The timeline: connection, earlier requests, this one, what followed.
pub(super) fn of(material: &Material) -> Vec<Moment> {
    let exchange = &material.exchange;
    let time_of = |exchange: &Exchange| (exchange.time.clone(), exchange.id);
    let (before, after): (Vec<&Exchange>, Vec<&Exchange>) = material
        .neighbours
        .iter()
        .filter(|neighbour| neighbour.id != exchange.id)
        .partition(|neighbour| time_of(neighbour) < time_of(exchange));
    let skipped = before.len().saturating_sub(AROUND);
    let mut moments = vec![Moment {
        time: material
            .connection
            .as_ref()
            .map(|connection| connection.time.clone()),
        exchange: None,
        what: opened(exchange, material.connection.as_ref()),
    }];
    moments.extend(missing(exchange, before.len(), skipped));

    let mut requests: Vec<Moment> = before[skipped..]
        .iter()
        .chain(after.iter().take(AROUND))
        .map(|neighbour| asked(neighbour, ""))
        .collect();
    requests.push(asked(exchange, "this one: "));
    requests.extend(material.retry.as_ref().map(|retry| {
        let connection = retry.connection.id;
        asked(
            retry,
            &format!("the client asked again, on connection {connection}: "),
        )
    }));
    requests.sort_by(|a, b| (&a.time, a.exchange).cmp(&(&b.time, b.exchange)));
    moments.extend(requests);
    moments.extend(followed(material).map(|what| untimed(what.to_owned(), exchange.retried_as)));
    moments
}

/// What came before on the connection and is not shown one by one.
fn missing(exchange: &Exchange, before: usize, skipped: usize) -> Option<Moment> {
    let names = &exchange.connection.prior_authorities;
    let what = if skipped > 0 {
        format!("{skipped} earlier requests of the connection are left out here")
    } else if before == 0 && !names.is_empty() {
        format!("earlier requests of the connection were for {}", names.join(", "))
    } else {
        return None;
    };
    Some(untimed(what, None))
}

const fn untimed(what: String, exchange: Option<u64>) -> Moment {
    Moment {
        time: None,
        exchange,
        what,
    }
}

fn opened(exchange: &Exchange, connection: Option<&Connection>) -> String {
    let name = match (&exchange.sni, exchange.sni_state.as_str()) {
        (Some(name), "outer_only") => format!("with the outer name {name} of an encrypted ClientHello"),
        (Some(name), _) => format!("for {name}"),
        (None, "absent") => "without a server name".to_owned(),
        (None, _) => "for a name that was not seen".to_owned(),
    };
    let unknown = "an address that is not known";
    let local = exchange.connection.local.as_deref().unwrap_or(unknown);
    let peer = exchange.connection.peer.as_deref().unwrap_or(unknown);
    let me = program(exchange.process.exe.as_deref(), exchange.process.pid);
    let other = exchange
        .connection
        .pair
        .as_ref()
        .map(|pair| format!(" ({})", program(pair.exe.as_deref(), pair.pid)))
        .unwrap_or_default();
    let way = match exchange.role.as_deref() {
        Some("client") => format!(
            "{me} opened connection {} from {local} to {peer}{other}",
            exchange.connection.id
        ),
        _ => format!(
            "{me} accepted connection {} on {local} from {peer}{other}",
            exchange.connection.id
        ),
    };
    let resumed = match exchange.connection.resumed {
        Some(true) => ", resuming an earlier session",
        _ => "",
    };
    let version = connection
        .and_then(|connection| connection.version.as_deref())
        .map(|version| format!(" with {version}"))
        .unwrap_or_default();
    let certificate = match &exchange.certificate.names {
        Some(names) if names.is_empty() => "a certificate that names nobody".to_owned(),
        Some(names) => format!("a certificate for {}", names.join(", ")),
        None => "a certificate that is not known".to_owned(),
    };
    format!("{way}, {name}{resumed}{version}; the server presented {certificate}")
}

fn asked(exchange: &Exchange, introduction: &str) -> Moment {
    let number = exchange
        .connection
        .request_number
        .map(|number| format!("request {number}, "))
        .unwrap_or_default();
    let method = exchange.method.as_deref().unwrap_or("a request");
    let authority = exchange
        .authority
        .as_deref()
        .unwrap_or("a name that is not known");
    let answer = match exchange.status {
        Some(status) => format!("was answered {status}"),
        None => "got no answer that was seen".to_owned(),
    };
    Moment {
        time: Some(exchange.time.clone()),
        exchange: Some(exchange.id),
        what: format!(
            "{introduction}{number}{method} for {authority} over {} {answer} ({})",
            exchange.protocol, exchange.verdict
        ),
    }
}

/// What the client did after a 421, where that is not told with its time.
fn followed(material: &Material) -> Option<&'static str> {
    if material.retry.is_some() {
        return None;
    }
    match material.exchange.outcome.as_deref() {
        Some("cured") => Some("the client asked again on another connection and got another answer"),
        Some("second_421") => Some("the client asked again on another connection and got 421 again"),
        Some("not_retried") => Some("the client did not ask again"),
        Some("same_connection_retry") => Some("the client asked again on the same connection"),
        Some("loop") => Some("the client went on asking, and got 421 each time"),
        Some("ping_pong") => Some("the client had been cured of an earlier 421, and was misdirected again"),
        Some("not_observable") => Some("what the client did next cannot be seen"),
        None if material.exchange.status == Some(421) => Some("what the client does next is awaited"),
        _ => None,
    }
}

fn program(exe: Option<&str>, pid: u32) -> String {
    let name = exe.and_then(|exe| exe.rsplit('/').next()).unwrap_or("a program");
    match pid {
        0 => name.to_owned(),
        pid => format!("{name} (pid {pid})"),
    }
}
