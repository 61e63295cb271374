//! Parties to a connection.

use super::item::{Item, quoted};
use super::mistake::Report;
use super::names;
use super::section::Section;
use crate::policy::{AlternativeService, Network, Party};

/// Keys of `[[trusted_gateway]]`. A client's port says nothing: each connection has another.
pub(super) const GATEWAY: &[&str] = &["networks", "process", "workload"];
/// Keys of `[[forward_proxy]]`.
pub(super) const PROXY: &[&str] = &PARTS;
/// Keys of `[[alternative_service]]`.
pub(super) const SERVICE: &[&str] = &["networks", "port", "process", "workload", "names"];

const PARTS: [&str; 4] = ["networks", "port", "process", "workload"];
const NETWORKS: &str = "networks such as \"10.0.0.0/8\"";
const PROCESS: &str = "a file name such as \"envoy\", or an absolute path";
const WORKLOAD: &str = "a name, or \"namespace/name\"";

/// Who is meant.
pub(super) fn party(section: &Section<'_>, report: &mut Report<'_>) -> Party {
    let [networks, port, process, workload] = PARTS.map(|name| section.find(name));
    if [&networks, &port, &process, &workload]
        .iter()
        .all(|part| part.is_none())
    {
        let message = "it names nobody; expected at least one of networks, process, workload".to_owned();
        section.lacks(&PARTS, message, report);
    }
    Party {
        networks: networks.map_or_else(Vec::new, |item| item.list(NETWORKS, report, network)),
        port: port.and_then(|item| item.port(report)),
        process: process.and_then(|item| self::process(&item, report)),
        workload: workload.and_then(|item| self::workload(&item, report)),
    }
}

/// A server that stands in for others.
pub(super) fn alternative_service(section: &Section<'_>, report: &mut Report<'_>) -> AlternativeService {
    let server = party(section, report);
    let names = section.find("names");
    AlternativeService {
        server,
        names: names
            .map_or_else(Vec::new, |item| {
                item.list(names::EXPECTED, report, names::pattern)
            })
            .into_iter()
            .collect(),
    }
}

fn network(item: &Item<'_>, report: &mut Report<'_>) -> Option<Network> {
    let text = item.text("a network such as \"10.0.0.0/8\"", report)?;
    match text.parse() {
        Ok(network) => Some(network),
        Err(error) => {
            item.wrong(format!("{} {error}", quoted(text)), report);
            None
        }
    }
}

fn process(item: &Item<'_>, report: &mut Report<'_>) -> Option<String> {
    let process = item.filled_text(PROCESS, report)?;
    if process.contains('/') && (!process.starts_with('/') || process.ends_with('/')) {
        item.unexpected(PROCESS, report);
        return None;
    }
    Some(process)
}

fn workload(item: &Item<'_>, report: &mut Report<'_>) -> Option<String> {
    let workload = item.filled_text(WORKLOAD, report)?;
    let parts = workload.split('/');
    if parts.clone().count() > 2 || parts.into_iter().any(str::is_empty) {
        item.unexpected(WORKLOAD, report);
        return None;
    }
    Some(workload)
}
