//! The tables of `wrongway inspect`. `?` is unknown, `-` is a server name that was not sent.

use serde::de::DeserializeOwned;

use super::explanation;
use crate::alert::Notice;
use crate::cli::table::{self, Kind, printable};
use crate::export::control::Command;
use crate::export::view::{Connection, Coverage, Exchange, Explanation, Listener, SummaryLine};

const UNKNOWN: &str = "?";

/// The answer to `command` as lines for a person; none if it is empty.
pub(super) fn text(command: Command, lines: &[String]) -> serde_json::Result<Vec<String>> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    Ok(match command {
        Command::Summary => summary(&parsed(lines)?),
        Command::Exchanges => exchanges(&parsed(lines)?),
        Command::Findings => findings(&parsed(lines)?),
        Command::Connections => connections(&parsed(lines)?),
        Command::Coverage => coverage(&parsed(lines)?),
        Command::Listeners => listeners(&parsed(lines)?),
        Command::Explain => {
            let explanations: Vec<Explanation> = parsed(lines)?;
            explanations.iter().flat_map(explanation::lines).collect()
        }
        Command::Alerts => alerts(&parsed(lines)?),
    })
}

fn parsed<T: DeserializeOwned>(lines: &[String]) -> serde_json::Result<Vec<T>> {
    lines.iter().map(|line| serde_json::from_str(line)).collect()
}

fn summary(lines: &[SummaryLine]) -> Vec<String> {
    let columns = [
        ("COUNT", Kind::Number),
        ("TREND", Kind::Text),
        ("VERDICT", Kind::Text),
        ("ROLE", Kind::Text),
        ("PROGRAM", Kind::Name),
        ("OTHER END", Kind::Name),
        ("CLIENTS", Kind::Number),
        ("NAMES", Kind::Number),
        ("MOSTLY FOR", Kind::Name),
        ("ON", Kind::Name),
        ("FIRST", Kind::Text),
        ("LAST", Kind::Text),
        ("ID", Kind::Number),
    ];
    let row = |line: &SummaryLine| {
        let most = line.names.first();
        vec![
            line.count.to_string(),
            line.trend.clone(),
            line.verdict.clone(),
            known(line.role.as_ref()),
            program(line.exe.as_ref()),
            program(line.other_exe.as_ref()),
            at_least(line.clients, line.more_clients),
            at_least(line.names.len(), line.other_names > 0),
            known(most.and_then(|name| name.authority.as_ref())),
            most.map_or_else(
                || UNKNOWN.to_owned(),
                |name| sni(name.sni.as_ref(), &name.sni_state),
            ),
            seconds_of(&line.first),
            seconds_of(&line.last),
            line.latest.to_string(),
        ]
    };
    table::lines(&columns, &lines.iter().map(row).collect::<Vec<_>>())
}

/// A count that may have reached its bound. None is known where there are none.
fn at_least(count: usize, more: bool) -> String {
    match (count, more) {
        (0, _) => UNKNOWN.to_owned(),
        (count, true) => format!("{count}+"),
        (count, false) => count.to_string(),
    }
}

fn listeners(listeners: &[Listener]) -> Vec<String> {
    let columns = [
        ("LISTENER", Kind::Name),
        ("SEEN BY", Kind::Text),
        ("NAME", Kind::Name),
        ("REQUESTS", Kind::Number),
        ("421", Kind::Number),
        ("KNOWN", Kind::Text),
        ("CLIENT CERTIFICATE", Kind::Text),
        ("CERTIFICATE", Kind::Name),
        ("TLS", Kind::Text),
        ("ALPN", Kind::Text),
        ("PROGRAM", Kind::Name),
    ];
    let row = |listener: &Listener| {
        vec![
            listener.address.clone(),
            listener.role.clone(),
            listener.name.clone().unwrap_or_else(|| "-".to_owned()),
            listener.requests.to_string(),
            listener.misdirected.to_string(),
            if listener.known { "yes" } else { UNKNOWN }.to_owned(),
            known(listener.client_certificate.as_ref()),
            listener
                .certificate_names
                .as_ref()
                .map_or_else(|| UNKNOWN.to_owned(), |names| names.join(" ")),
            either(&listener.versions),
            either(&listener.alpn),
            program(listener.process.as_ref().and_then(|process| process.exe.as_ref())),
        ]
    };
    table::lines(&columns, &listeners.iter().map(row).collect::<Vec<_>>())
}

/// Each of these was seen.
fn either(values: &[String]) -> String {
    if values.is_empty() {
        UNKNOWN.to_owned()
    } else {
        values.join(" ")
    }
}

/// A table of exchanges.
pub fn exchanges(exchanges: &[Exchange]) -> Vec<String> {
    let columns = [
        ("ID", Kind::Number),
        ("TIME (UTC)", Kind::Text),
        ("ROLE", Kind::Text),
        ("PROTOCOL", Kind::Text),
        ("AUTHORITY", Kind::Name),
        ("SNI", Kind::Name),
        ("STATUS", Kind::Number),
        ("VERDICT", Kind::Text),
        ("PROGRAM", Kind::Name),
    ];
    let row = |exchange: &Exchange| {
        vec![
            exchange.id.to_string(),
            time_of_day(&exchange.time),
            known(exchange.role.as_ref()),
            exchange.protocol.clone(),
            known(exchange.authority.as_ref()),
            sni(exchange.sni.as_ref(), &exchange.sni_state),
            known(exchange.status.as_ref()),
            exchange.verdict.clone(),
            program(exchange.process.exe.as_ref()),
        ]
    };
    table::lines(&columns, &exchanges.iter().map(row).collect::<Vec<_>>())
}

/// The table of the findings, then each distinct explanation once.
fn findings(findings: &[Exchange]) -> Vec<String> {
    let mut lines = exchanges(findings);
    let mut explained: Vec<(&Exchange, usize)> = Vec::new();
    for finding in findings {
        let same = |(other, _): &&mut (&Exchange, usize)| {
            (&other.verdict, &other.diagnosis, &other.remedy)
                == (&finding.verdict, &finding.diagnosis, &finding.remedy)
        };
        match explained.iter_mut().find(same) {
            Some((_, count)) => *count += 1,
            None => explained.push((finding, 1)),
        }
    }
    for (finding, count) in explained {
        let times = if count == 1 {
            String::new()
        } else {
            format!(" and {} more like it", count - 1)
        };
        lines.push(String::new());
        lines.push(format!("#{} {}{times}", finding.id, printable(&finding.verdict)));
        lines.push(format!("  what   {}", printable(&finding.diagnosis)));
        lines.push(format!("  remedy {}", printable(&finding.remedy)));
        lines.push(format!("  more   wrongway explain {}", finding.id));
    }
    lines
}

fn connections(connections: &[Connection]) -> Vec<String> {
    let columns = [
        ("ID", Kind::Number),
        ("SINCE (UTC)", Kind::Text),
        ("STATE", Kind::Text),
        ("ROLE", Kind::Text),
        ("PROTOCOL", Kind::Text),
        ("SNI", Kind::Name),
        ("LOCAL", Kind::Name),
        ("PEER", Kind::Name),
        ("REQUESTS", Kind::Number),
        ("PROGRAM", Kind::Name),
        ("PID", Kind::Number),
    ];
    let row = |connection: &Connection| {
        vec![
            connection.id.to_string(),
            time_of_day(&connection.time),
            state(connection).to_owned(),
            known(connection.role.as_ref()),
            protocol(connection),
            sni(connection.sni.as_ref(), &connection.sni_state),
            known(connection.local.as_ref()),
            known(connection.peer.as_ref()),
            connection.requests.to_string(),
            program(connection.process.exe.as_ref()),
            known(Some(&connection.process.pid).filter(|pid| **pid != 0)),
        ]
    };
    table::lines(&columns, &connections.iter().map(row).collect::<Vec<_>>())
}

fn state(connection: &Connection) -> &'static str {
    match connection.open {
        Some(true) => "open",
        Some(false) => "closed",
        None => "sni only",
    }
}

fn coverage(coverage: &[Coverage]) -> Vec<String> {
    let columns = [
        ("PID", Kind::Number),
        ("PROGRAM", Kind::Name),
        ("FAMILY", Kind::Text),
        ("LIBRARY", Kind::Name),
        ("VISIBILITY", Kind::Text),
        ("FUNCTIONS", Kind::Number),
        ("REASON", Kind::Sentence),
    ];
    let row = |line: &Coverage| {
        vec![
            line.process.pid.to_string(),
            program(line.process.exe.as_ref()),
            line.family.clone(),
            known(line.process.library.as_ref()),
            line.visibility.clone(),
            line.functions.len().to_string(),
            line.reason.clone().unwrap_or_default(),
        ]
    };
    table::lines(&columns, &coverage.iter().map(row).collect::<Vec<_>>())
}

/// The table of the alerts, then what each is about that fires.
fn alerts(alerts: &[Notice]) -> Vec<String> {
    let columns = [
        ("ID", Kind::Number),
        ("STATE", Kind::Text),
        ("SEVERITY", Kind::Text),
        ("RULE", Kind::Name),
        ("COUNT", Kind::Number),
        ("SINCE (UTC)", Kind::Text),
        ("UNTIL (UTC)", Kind::Text),
        ("LABELS", Kind::Sentence),
    ];
    let row = |alert: &Notice| {
        let labels = alert.labels.iter();
        let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
        vec![
            alert.id.to_string(),
            alert.state.clone(),
            alert.severity.clone(),
            alert.rule.clone(),
            alert.count.to_string(),
            day_and_time(&alert.started_at),
            alert.ended_at.as_deref().map_or_else(String::new, day_and_time),
            labels.join(" "),
        ]
    };
    let mut lines = table::lines(&columns, &alerts.iter().map(row).collect::<Vec<_>>());
    for alert in alerts.iter().filter(|alert| alert.ended_at.is_none()) {
        lines.push(String::new());
        lines.push(format!("#{} {}", alert.id, printable(&alert.summary)));
        lines.push(format!("  {}", printable(&alert.description)));
        let (first, last) = (alert.first_exchange, alert.last_exchange);
        lines.push(format!("  exchanges: #{first} was the first, #{last} the latest"));
    }
    lines
}

/// Of the requests; where none can be seen, what carries them.
fn protocol(connection: &Connection) -> String {
    match (&connection.protocol, connection.transport.as_str()) {
        (None, "quic") => "quic".to_owned(),
        (protocol, _) => known(protocol.as_ref()),
    }
}

fn known<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), ToString::to_string)
}

fn sni(name: Option<&String>, state: &str) -> String {
    match (name, state) {
        (Some(name), "outer_only") => format!("{name} (outer)"),
        (Some(name), _) => name.clone(),
        (None, "absent") => "-".to_owned(),
        (None, _) => UNKNOWN.to_owned(),
    }
}

/// The executable's file name.
fn program(exe: Option<&String>) -> String {
    let name = exe.and_then(|exe| exe.rsplit('/').next());
    known(name.map(str::to_owned).as_ref())
}

/// `HH:MM:SS.mmm` of an RFC 3339 time, in UTC.
fn time_of_day(time: &str) -> String {
    time.get(11..23).unwrap_or(UNKNOWN).to_owned()
}

/// `MM-DD HH:MM:SS` of an RFC 3339 time, in UTC.
fn day_and_time(time: &str) -> String {
    time.get(5..19).unwrap_or(UNKNOWN).replace('T', " ")
}

/// `HH:MM:SS` of an RFC 3339 time, in UTC.
fn seconds_of(time: &str) -> String {
    time.get(11..19).unwrap_or(UNKNOWN).to_owned()
}
