//! The report for a person. `?` is unknown, `-` is a server name that was not sent.

use crate::check::cure::Remedied;
use crate::check::findings::Level;
use crate::check::plan::{Connection, PROTOCOLS, Sni, Spelling};
use crate::check::target::Target;
use crate::check::{Judged, Outcome, Presented, Report};
use crate::cli::table::{self, Kind, printable};
use crate::verdict::Protocol;
use crate::verdict::name::Host;

const UNKNOWN: &str = "?";
const UNEXPECTED: &str = "!";
/// With more names than this the table has no room for verdicts.
const MOST_WITH_VERDICT: usize = 3;

/// Lines for a person: what was presented, answered, found, and helps.
pub(super) fn lines(target: &Target, report: &Report) -> Vec<String> {
    let mut lines = vec![format!("{target} at {}", report.address)];
    let mut section = |title: &str, body: Vec<String>| {
        if !body.is_empty() {
            lines.push(String::new());
            lines.push(title.to_owned());
            lines.extend(body.into_iter().map(|line| format!("  {line}")));
        }
    };
    section("Certificates", certificates(report));
    for protocol in PROTOCOLS {
        let version = protocol.as_str();
        if report.protocols.contains(&protocol) {
            let title = format!("One connection over {version}, one request after the other");
            section(&title, shared(report, protocol));
            let title =
                format!("Fresh connections over {version}: SNI downwards, authority across (GEP-3567)");
            section(&title, fresh(report, protocol));
        } else {
            let title = format!("Over {version} nothing could be asked");
            section(&title, not_spoken(report, protocol));
        }
    }
    section("What helps where a name did not work", remedied(report));
    for level in [Level::Problem, Level::Advice] {
        for finding in report.findings.iter().filter(|finding| finding.level == level) {
            let over: Vec<_> = finding.protocols.iter().copied().map(Protocol::as_str).collect();
            let title = format!(
                "{} {}: {} on a connection {}{}{}",
                level.as_str(),
                finding.code,
                printable(&finding.authority),
                printable(&finding.sni.made_for()),
                if over.is_empty() { "" } else { ", over " },
                over.join(" and "),
            );
            let body = [("what   ", &finding.what), ("remedy ", &finding.remedy)]
                .map(|(label, text)| format!("{label}{}", printable(text)));
            section(&title, body.to_vec());
        }
    }
    lines.push(String::new());
    lines.push(summary(report));
    lines
}

fn certificates(report: &Report) -> Vec<String> {
    let columns = [
        ("SNI", Kind::Name),
        ("COVERS", Kind::Text),
        ("ALPN", Kind::Text),
        ("TLS", Kind::Text),
        ("ASKS FOR ONE", Kind::Text),
        ("NAMES", Kind::Sentence),
    ];
    let row = |presented: &Presented| {
        let handshake = &presented.handshake;
        let covered = presented.covered(&report.names);
        let names = match (&handshake.certificate_names, &presented.refusal) {
            (Some(names), None) => listed(names),
            (_, Some(refusal)) => refusal.to_string(),
            (None, None) => UNKNOWN.to_owned(),
        };
        vec![
            sni(&presented.sni).to_owned(),
            covered.map_or_else(
                || UNKNOWN.to_owned(),
                |covered| format!("{} of {}", covered.len(), report.names.len()),
            ),
            match (&handshake.alpn, handshake.version) {
                (Some(alpn), _) => alpn.clone(),
                (None, Some(_)) => "-".to_owned(),
                (None, None) => UNKNOWN.to_owned(),
            },
            handshake.version.unwrap_or(UNKNOWN).to_owned(),
            match handshake.client_certificate {
                Some(true) => "yes",
                Some(false) => "no",
                None => UNKNOWN,
            }
            .to_owned(),
            names,
        ]
    };
    table::lines(&columns, &report.certificates.iter().map(row).collect::<Vec<_>>())
}

/// Most names of a certificate that are shown.
const MOST_LISTED: usize = 8;

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown = names.iter().take(MOST_LISTED).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(MOST_LISTED) {
        0 => shown.join(" "),
        more => format!("{} and {more} more", shown.join(" ")),
    }
}

fn shared(report: &Report, protocol: Protocol) -> Vec<String> {
    let columns = [
        ("SNI", Kind::Name),
        ("AUTHORITY", Kind::Name),
        ("STATUS", Kind::Number),
        ("VERDICT", Kind::Text),
        ("NOTE", Kind::Sentence),
    ];
    let rows: Vec<_> = of(report, protocol, Connection::Shared)
        .map(|judged| {
            let answer = &judged.answer;
            let mut notes = Vec::new();
            if answer.reopened {
                notes.push("on another connection: the server had closed the one before".to_owned());
            }
            notes.extend(unexpected(judged));
            notes.extend(answer.outcome.error());
            vec![
                sni(&answer.question.sni).to_owned(),
                answer.question.authority.clone(),
                status(judged),
                verdict(judged).to_owned(),
                notes.join("; "),
            ]
        })
        .collect();
    if rows.is_empty() {
        return Vec::new();
    }
    table::lines(&columns, &rows)
}

fn fresh(report: &Report, protocol: Protocol) -> Vec<String> {
    let brief = report.names.len() > MOST_WITH_VERDICT;
    let mut columns = vec![("SNI".to_owned(), Kind::Name)];
    columns.extend(report.names.iter().zip(1..).map(|(name, number)| {
        let title = if brief {
            format!("{number}")
        } else {
            name.to_string()
        };
        (title, Kind::Text)
    }));
    let mut rows: Vec<(&Sni, Vec<String>)> = Vec::new();
    for judged in of(report, protocol, Connection::Fresh) {
        let sni = &judged.answer.question.sni;
        if !rows.iter().any(|(other, _)| *other == sni) {
            let cells = report.names.iter().map(|name| {
                let judged = asked(report, protocol, sni, name);
                judged.map_or_else(|| UNKNOWN.to_owned(), |judged| cell(judged, brief))
            });
            rows.push((sni, cells.collect()));
        }
    }
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, cells)| [vec![sni(name).to_owned()], cells].concat())
        .collect();
    let columns: Vec<(&str, Kind)> = columns
        .iter()
        .map(|(title, kind)| (title.as_str(), *kind))
        .collect();
    let mut lines = table::lines(&columns, &rows);
    if brief {
        let numbered = report.names.iter().zip(1..);
        lines.extend(numbered.map(|(name, number)| format!("{number}: {}", printable(&name.to_string()))));
        if report.answers.iter().any(Judged::is_unexpected) {
            lines.push(format!("{UNEXPECTED}: the listeners have it be another answer"));
        }
    }
    lines
}

/// The answer to a name on a connection of its own.
fn asked<'a>(report: &'a Report, protocol: Protocol, sni: &Sni, name: &Host) -> Option<&'a Judged> {
    of(report, protocol, Connection::Fresh).find(|judged| {
        let question = &judged.answer.question;
        question.spelling == Spelling::Plain && question.sni == *sni && question.name == *name
    })
}

/// Status and verdict; where there is no room for it, the status alone.
fn cell(judged: &Judged, brief: bool) -> String {
    if brief {
        let mark = if judged.is_unexpected() { UNEXPECTED } else { "" };
        return format!("{}{mark}", status(judged));
    }
    let mut words = vec![status(judged)];
    if judged.answer.outcome.status().is_some() {
        words.push(verdict(judged).to_owned());
    }
    words.extend(unexpected(judged));
    words.join(" ")
}

fn unexpected(judged: &Judged) -> Option<String> {
    let expected = judged.expected.filter(|_| judged.is_unexpected())?;
    Some(format!("({} expected)", expected.as_str()))
}

fn not_spoken(report: &Report, protocol: Protocol) -> Vec<String> {
    let answer = report
        .answers
        .iter()
        .find(|judged| judged.answer.question.protocol == protocol);
    let why = answer.and_then(|judged| judged.answer.outcome.error());
    vec![why.unwrap_or_else(|| "the server does not speak it with the URL's host".to_owned())]
}

fn remedied(report: &Report) -> Vec<String> {
    let lines = |remedied: &Remedied| {
        let question = &remedied.question;
        let status = remedied.status.map(|status| status.to_string());
        let head = format!(
            "{} on {} connection {}, over {}: {}",
            printable(&question.authority),
            match question.connection {
                Connection::Shared => "the shared",
                Connection::Fresh => "a fresh",
            },
            printable(&question.sni.made_for()),
            question.protocol.as_str(),
            status.as_deref().unwrap_or("no answer"),
        );
        [head, format!("  {}", printable(&remedied.measured))]
    };
    report.remedied.iter().flat_map(lines).collect()
}

fn summary(report: &Report) -> String {
    let count = |level| {
        let findings = report.findings.iter();
        findings.filter(|finding| finding.level == level).count()
    };
    let plural = |count: usize, one: &str, more: &str| {
        let word = if count == 1 { one } else { more };
        format!("{count} {word}")
    };
    let unasked = match report.unasked {
        0 => String::new(),
        unasked => format!("; the time was up before {unasked} more"),
    };
    format!(
        "{}, {}; {} in {:.1} s{unasked}",
        plural(count(Level::Problem), "problem", "problems"),
        plural(count(Level::Advice), "piece of advice", "pieces of advice"),
        plural(report.answers.len() - report.unasked, "question", "questions"),
        report.took.as_secs_f64()
    )
}

fn of(report: &Report, protocol: Protocol, connection: Connection) -> impl Iterator<Item = &Judged> {
    report.answers.iter().filter(move |judged| {
        let question = &judged.answer.question;
        (question.protocol, question.connection) == (protocol, connection)
    })
}

fn sni(sni: &Sni) -> &str {
    sni.name().unwrap_or("-")
}

fn status(judged: &Judged) -> String {
    match &judged.answer.outcome {
        Outcome::Answered(status) => status.to_string(),
        Outcome::NoAnswer(_) => "no answer".to_owned(),
        Outcome::Refused(_) => "refused".to_owned(),
        Outcome::NotAsked(_) => "not asked".to_owned(),
    }
}

fn verdict(judged: &Judged) -> &'static str {
    judged
        .judgement
        .as_ref()
        .map_or("-", |judgement| judgement.verdict.as_str())
}
