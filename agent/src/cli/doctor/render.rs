//! The report as a person reads it.

use super::report::{Library, Machine, Missing, Process, Report};
use crate::cli::table::{Kind, lines, printable};

const SITES: [(&str, Kind); 6] = [
    ("FUNCTION", Kind::Name),
    ("OFFSET", Kind::Number),
    ("INSTRUCTION", Kind::Text),
    ("PROBES", Kind::Text),
    ("A HIT", Kind::Number),
    ("WHY THERE", Kind::Sentence),
];
/// Processes that are named.
const NAMED: usize = 5;

/// The whole report.
pub(super) fn text(report: &Report) -> String {
    let mut text = Vec::new();
    if let Some(machine) = &report.machine {
        text.extend(of_machine(machine));
    }
    for library in &report.libraries {
        text.push(String::new());
        text.extend(of_library(library));
    }
    if !report.problems.is_empty() {
        text.push(String::new());
        text.push("Could not be examined:".to_owned());
    }
    for problem in &report.problems {
        let path = problem.path.as_deref().unwrap_or("all that it has mapped");
        text.push(format!(
            "  process {}: {}: {}",
            problem.pid,
            printable(path),
            printable(&problem.detail)
        ));
    }
    if report.machine.is_some() && report.libraries.is_empty() {
        text.push(String::new());
        text.push("No TLS library is in use, and none is installed where systems have theirs.".to_owned());
    }
    // A report that begins with a library begins with an empty line.
    let first = text.iter().position(|line| !line.is_empty()).unwrap_or(0);
    let mut whole = text[first..].join("\n");
    whole.push('\n');
    whole
}

fn of_machine(machine: &Machine) -> Vec<String> {
    if let Some(missing) = &machine.missing {
        return vec![format!("Kernel: probes cannot run: {missing}")];
    }
    let yes = |there: Option<bool>, without: &str| {
        if there == Some(true) {
            "yes".to_owned()
        } else {
            format!("no; {without}")
        }
    };
    let sockets = match &machine.sockets_missing {
        None => "yes".to_owned(),
        Some(reason) => format!("no: {reason}; connections will have no addresses"),
    };
    let costs = match &machine.costs_missing {
        None => "yes".to_owned(),
        Some(reason) => format!(
            "no: {}; what is emulated is what every supported kernel emulates",
            printable(reason)
        ),
    };
    vec![
        "Kernel: probes can run".to_owned(),
        format!("  cost of probes measured: {costs}"),
        format!("  sockets found in processes: {sockets}"),
        format!(
            "  tracepoints of sends and receives: {}",
            yes(
                machine.socket_length_tracepoints,
                "sockets are told by receives alone"
            )
        ),
        format!(
            "  packet programs that go with the agent (TCX): {}",
            yes(machine.tcx, "classic tc filters are used")
        ),
    ]
}

fn of_library(library: &Library) -> Vec<String> {
    let version = library
        .version
        .as_ref()
        .map(|version| format!(" {}", printable(version)));
    let mut text = vec![
        printable(&library.path),
        format!(
            "  {}{}, {}",
            library.family,
            version.unwrap_or_default(),
            used_by(&library.processes)
        ),
    ];
    if library.found_by == "code" {
        text.push(
            "  without symbols: found by what its code does, and believed once the wire confirms it"
                .to_owned(),
        );
    }
    if let Some(reason) = &library.unobserved {
        text.push(format!("  left alone: {}", reason.replace('_', " ")));
        return text;
    }
    let rows: Vec<Vec<String>> = library
        .sites
        .iter()
        .map(|site| {
            vec![
                site.functions.join(", "),
                format!("{:#x}", site.offset),
                site.instruction.clone().unwrap_or_else(|| "?".to_owned()),
                site.probes.join(", "),
                site.cost_nanoseconds.map_or_else(|| "?".to_owned(), cost),
                site.reason.to_owned(),
            ]
        })
        .collect();
    text.extend(lines(&SITES, &rows).into_iter().map(|line| format!("  {line}")));
    if !library.missing.is_empty() {
        text.push(format!("  stays unknown: {}", listed(&library.missing)));
    }
    if !library.functions_missing.is_empty() {
        text.push(format!(
            "  not found for certain: {}",
            listed(&library.functions_missing)
        ));
    }
    text
}

/// Where one reason holds for all, it stands once.
fn listed(missing: &[Missing]) -> String {
    if let [first, second, rest @ ..] = missing
        && second.reason == first.reason
        && rest.iter().all(|other| other.reason == first.reason)
    {
        let fields: Vec<&str> = missing.iter().map(|missing| missing.field).collect();
        return format!("{} ({})", fields.join(", "), first.reason.replace('_', " "));
    }
    let missing: Vec<String> = missing
        .iter()
        .map(|missing| format!("{} ({})", missing.field, missing.reason.replace('_', " ")))
        .collect();
    missing.join(", ")
}

fn cost(nanoseconds: u64) -> String {
    format!("{}.{:02} µs", nanoseconds / 1000, nanoseconds % 1000 / 10)
}

fn used_by(processes: &[Process]) -> String {
    if processes.is_empty() {
        return "in use by nobody".to_owned();
    }
    let named: Vec<String> = processes
        .iter()
        .take(NAMED)
        .map(|process| format!("{} ({})", printable(&process.name), process.pid))
        .collect();
    let more = match processes.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("in use by {}{more}", named.join(", "))
}
