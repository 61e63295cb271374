//! Every fact that the verdict rests on, and how it was learned.

use super::Material;
use crate::export::view::{Exchange, Fact};

/// The facts, in the order in which the decision asks for them.
pub(super) fn of(material: &Material) -> Vec<Fact> {
    let exchange = &material.exchange;
    let connection = &exchange.connection;
    let provenance = &exchange.provenance;
    let client_random = connection.client_random.as_deref().map(|_| "object");
    let mut facts = vec![
        fact(
            "status",
            exchange.status.map(|status| status.to_string()),
            Some("response"),
        ),
        fact("protocol", Some(exchange.protocol.clone()), Some("request")),
        fact("method", exchange.method.clone(), Some("request")),
        fact(
            "authority",
            exchange.authority.clone(),
            provenance.authority.as_deref(),
        ),
        fact("sni", Some(sni(exchange)), provenance.sni.as_deref()),
        fact(
            "certificate names",
            exchange.certificate.names.as_ref().map(|names| list(names)),
            provenance.certificate.as_deref(),
        ),
        fact(
            "earlier authorities",
            Some(list(&connection.prior_authorities)),
            Some("requests"),
        ),
        fact(
            "request on its connection",
            connection.request_number.map(|number| number.to_string()),
            Some("requests"),
        ),
        fact("role", exchange.role.clone(), provenance.role.as_deref()),
        fact(
            "local address",
            connection.local.clone(),
            provenance.socket.as_deref(),
        ),
        fact(
            "peer address",
            connection.peer.clone(),
            provenance.socket.as_deref(),
        ),
        fact("client random", connection.client_random.clone(), client_random),
        fact("alpn", connection.alpn.clone(), Some("object")),
        fact(
            "session resumed",
            connection.resumed.map(yes_or_no),
            Some("object"),
        ),
        fact(
            "other end",
            connection.pair.as_ref().map(|pair| {
                let exe = pair.exe.as_deref().unwrap_or("an unknown program");
                format!("{exe}, pid {}, connection {}", pair.pid, pair.connection)
            }),
            Some("client random"),
        ),
    ];
    let learned = exchange.learned.iter();
    facts.extend(learned.map(|name| fact(name, Some("yes".to_owned()), Some("learned or configured"))));
    facts
}

/// A fact whose value is unknown has no provenance.
fn fact(name: &str, value: Option<String>, provenance: Option<&str>) -> Fact {
    Fact {
        name: name.to_owned(),
        provenance: value.as_ref().and(provenance).map(str::to_owned),
        value,
    }
}

fn sni(exchange: &Exchange) -> String {
    match (&exchange.sni, exchange.sni_state.as_str()) {
        (Some(name), "outer_only") => format!("{name} (outer name of an encrypted ClientHello)"),
        (Some(name), _) => name.clone(),
        (None, "absent") => "none was sent".to_owned(),
        (None, _) => "not known".to_owned(),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn yes_or_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}
