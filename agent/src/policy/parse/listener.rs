//! Listeners of Gateways.

use std::collections::HashMap;

use super::item::{Item, quoted};
use super::mistake::Report;
use super::section::Section;
use crate::policy::gateway::{Hostname, Listener};
use crate::policy::{Pattern, PatternError};
use crate::verdict::name::Host;

/// Keys of `[[listener]]`.
pub(super) const KEYS: &[&str] = &["name", "port", "hostname"];

const HOSTNAME: &str = "a name such as \"a.example\" or \"*.shop.example\"";

/// All listeners. No two have one name, nor one port and hostname.
pub(super) fn listeners(sections: &[Section<'_>], report: &mut Report<'_>) -> Vec<Listener> {
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut places: HashMap<(u16, Hostname), String> = HashMap::new();
    let mut listeners = Vec::new();
    for section in sections {
        let name = section.require("name", "a name, unique in this file", report);
        let port = section.require("port", "a port such as 443", report);
        let hostname = match section.find("hostname") {
            Some(item) => hostname(&item, report),
            None => Some(Hostname::Any),
        };
        let port = port.and_then(|item| item.port(report));
        let text = name.as_ref().and_then(|item| item.filled_text("a name", report));
        let (Some(item), Some(name)) = (name, text) else {
            continue;
        };
        let line = report.line(item.span.start);
        if let Some(first) = names.insert(name.clone(), line) {
            item.wrong(
                format!("{} is the listener in line {first}, too", quoted(&name)),
                report,
            );
        }
        let (Some(port), Some(hostname)) = (port, hostname) else {
            continue;
        };
        if let Some(other) = places.insert((port, hostname.clone()), name.clone()) {
            let message = format!(
                "it has the same port and hostname as the listener {}",
                quoted(&other)
            );
            report.wrong(&section.key, section.span.clone(), message);
        }
        listeners.push(Listener { name, port, hostname });
    }
    listeners
}

fn hostname(item: &Item<'_>, report: &mut Report<'_>) -> Option<Hostname> {
    let text = item.text(HOSTNAME, report)?;
    let reason = match text.parse() {
        Ok(Pattern::Exact(Host::Name(name))) => return Some(Hostname::Exact(name)),
        Ok(Pattern::Below(parent)) => return Some(Hostname::Below(parent)),
        Ok(Pattern::Exact(Host::Address(_))) => "is an address; expected a name".to_owned(),
        Err(_) if text == "*" => "is no name; leave the key out to mean every name".to_owned(),
        Err(error) => format!("is no name: {}", error as PatternError),
    };
    item.wrong(format!("{} {reason}", quoted(text)), report);
    None
}
