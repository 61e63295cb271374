//! What Wrongway saw, for people: a line for each kind of request, then what each verdict means.

use std::collections::BTreeMap;

use comfy_table::{ContentArrangement, Table};

use super::Show;
use crate::rig::exchange::Exchange;
use crate::rig::truth::Truth;
use crate::style;

/// What requests of one kind have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    server: String,
    client: String,
    protocol: String,
    connection: String,
    request: String,
    status: String,
    verdict: String,
    class: String,
}

/// How often a kind was seen from each side.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    by_server: usize,
    by_client: usize,
}

/// Prints the table and the explanations.
pub(super) fn print(show: &Show) {
    let kinds = count(show);
    println!("{}", table(&kinds));
    for exchange in findings(show) {
        println!("{} ({})", exchange.verdict, exchange.class);
        println!("  what happened: {}", exchange.diagnosis);
        println!("  what to do:    {}", exchange.remedy);
        println!();
    }
}

fn table(kinds: &BTreeMap<Kind, Seen>) -> Table {
    let mut table = Table::new();
    table
        .load_style(style::TABLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header([
            "server",
            "client",
            "protocol",
            "connection made for",
            "request was for",
            "status",
            "verdict",
            "class",
            "seen by server/client",
        ]);
    for (kind, seen) in kinds {
        table.add_row([
            kind.server.clone(),
            kind.client.clone(),
            kind.protocol.clone(),
            kind.connection.clone(),
            kind.request.clone(),
            kind.status.clone(),
            kind.verdict.clone(),
            kind.class.clone(),
            format!("{}/{}", seen.by_server, seen.by_client),
        ]);
    }
    table
}

fn count(show: &Show) -> BTreeMap<Kind, Seen> {
    let mut kinds: BTreeMap<Kind, Seen> = BTreeMap::new();
    for exchange in relevant(show) {
        let seen = kinds.entry(kind_of(exchange, show)).or_default();
        match exchange.role.as_deref() {
            Some("server") => seen.by_server += 1,
            Some("client") => seen.by_client += 1,
            _ => {}
        }
    }
    kinds
}

fn kind_of(exchange: &Exchange, show: &Show) -> Kind {
    let connection = match exchange.sni_state.as_str() {
        "absent" => "(no name)".to_owned(),
        _ => known(exchange.sni.as_deref()),
    };
    Kind {
        server: server(exchange, show),
        client: client(exchange, show),
        protocol: exchange.protocol.clone(),
        connection,
        request: known(exchange.authority.as_deref()),
        status: exchange
            .status
            .map_or_else(|| "?".to_owned(), |status| status.to_string()),
        verdict: exchange.verdict.clone(),
        class: exchange.class.clone(),
    }
}

/// One exchange of each distinct finding, as the server's side tells it where it does.
fn findings(show: &Show) -> Vec<&Exchange> {
    let mut found: BTreeMap<_, &Exchange> = BTreeMap::new();
    for exchange in relevant(show).filter(|exchange| exchange.class != "fine") {
        let key = (&exchange.verdict, &exchange.sni, &exchange.authority);
        let known = found.entry(key).or_insert(exchange);
        if known.role.as_deref() != Some("server") && exchange.role.as_deref() == Some("server") {
            *known = exchange;
        }
    }
    found.into_values().collect()
}

fn relevant(show: &Show) -> impl Iterator<Item = &Exchange> {
    show.exchanges
        .iter()
        .filter(|exchange| exchange.touches(&show.ports))
}

/// Name of the server's program, from an exchange that the server's side tells of the same port.
fn server(exchange: &Exchange, show: &Show) -> String {
    let address = match exchange.role.as_deref() {
        Some("server") => &exchange.connection.local,
        _ => &exchange.connection.peer,
    };
    let path = relevant(show)
        .filter(|other| other.role.as_deref() == Some("server") && other.connection.local == *address)
        .find_map(|other| other.process.exe.as_deref());
    known(path.and_then(|path| path.rsplit('/').next()))
}

/// Name of the client, which the clients themselves know best.
fn client(exchange: &Exchange, show: &Show) -> String {
    let address = match exchange.role.as_deref() {
        Some("client") => exchange.connection.local.as_deref(),
        _ => exchange.connection.peer.as_deref(),
    };
    let truth = show
        .truths
        .iter()
        .find(|truth: &&Truth| truth.local.as_deref() == address);
    known(truth.map(|truth| truth.client.as_str()))
}

fn known(text: Option<&str>) -> String {
    text.unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::exchange::{Connection, Process};

    fn exchange(role: &str, local: &str, peer: &str, exe: &str) -> Exchange {
        Exchange {
            id: 1,
            role: Some(role.to_owned()),
            protocol: "h2".to_owned(),
            method: Some("GET".to_owned()),
            authority: Some("admin.shop.example".to_owned()),
            sni: Some("www.shop.example".to_owned()),
            sni_state: "sent".to_owned(),
            status: Some(421),
            verdict: "coalesced_421".to_owned(),
            class: "correct_421".to_owned(),
            connection: Connection {
                id: 1,
                local: Some(local.to_owned()),
                peer: Some(peer.to_owned()),
                request_number: Some(2),
                prior_authorities: vec!["www.shop.example".to_owned()],
                ..Connection::default()
            },
            process: Process {
                pid: 7,
                exe: Some(exe.to_owned()),
                ..Process::default()
            },
            ..Exchange::default()
        }
    }

    #[test]
    fn both_sides_of_a_request_share_a_line() {
        let (server, client) = ("127.0.0.1:8443", "127.0.0.1:40000");
        let show = Show {
            exchanges: vec![
                exchange("server", server, client, "/usr/sbin/apache2"),
                exchange("client", client, server, "/usr/bin/node"),
            ],
            truths: Vec::new(),
            ports: vec![8443],
        };
        let kinds = count(&show);
        assert_eq!(kinds.len(), 1);
        let (kind, seen) = kinds.first_key_value().unwrap();
        assert_eq!(kind.server, "apache2");
        assert_eq!((seen.by_server, seen.by_client), (1, 1));
        assert_eq!(findings(&show)[0].role.as_deref(), Some("server"));
    }
}
