//! The policy file: TOML text in, a policy or every mistake out.
//!
//! The text is walked by hand: a deserializer stops at the first mistake, and whoever writes the file wants to know of
//! all of them.

mod alert;
mod item;
mod listener;
mod mistake;
mod names;
mod nearest;
mod notify;
mod party;
mod section;
mod settings;
mod syntax;
#[cfg(test)]
mod tests;

use std::path::Path;

use toml::de::DeTable;

use super::{Key, Policy, defaults};
use mistake::Report;
pub use mistake::{Mistake, Mistakes};
use section::Section;

/// A file has at most so many bytes.
pub const LARGEST: u64 = 1 << 20;

/// Reads the file with the key for hashes, or says why it has none; reads on after the file's name.
pub type ReadKey<'a> = &'a dyn Fn(&Path) -> Result<Key, String>;

/// The policy that `text` says, with the default where it says nothing.
///
/// # Errors
/// All mistakes that can be told from each other.
pub fn parse(text: &str, read_key: ReadKey<'_>) -> Result<Policy, Mistakes> {
    if text.len() as u64 > LARGEST {
        return Err(too_large());
    }
    let mut report = Report::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    let policy = if errors.is_empty() {
        policy(document.get_ref(), read_key, &mut report)
    } else {
        let readable = syntax::readable(text, errors, &mut report);
        let (document, _) = DeTable::parse_recoverable(&readable);
        policy(document.get_ref(), read_key, &mut report)
    };
    report.finish().map(|()| policy)
}

/// The policy that the bytes of a file say.
///
/// # Errors
/// As [`parse`], and if there are none, or they are no UTF-8.
pub fn parse_bytes(bytes: &[u8], read_key: ReadKey<'_>) -> Result<Policy, Mistakes> {
    if bytes.len() as u64 > LARGEST {
        return Err(too_large());
    }
    match str::from_utf8(bytes) {
        // That is what is left of a file where the disk was full: it must not switch anything off.
        Ok("") => Err(Mistakes::one(
            "the file is empty; expected a policy, or at least a comment".to_owned(),
        )),
        Ok(text) => parse(text, read_key),
        Err(error) => {
            let valid = &bytes[..error.valid_up_to()];
            let text = str::from_utf8(valid).expect("it is valid up to there");
            let mut report = Report::new(text);
            report.syntax(
                None,
                "this is no UTF-8; save the file in that encoding".to_owned(),
            );
            report.finish().map(|()| Policy::default())
        }
    }
}

fn too_large() -> Mistakes {
    Mistakes::one(format!(
        "the file has more than {LARGEST} bytes; expected a policy"
    ))
}

const SECTIONS: [&str; 10] = [
    "trusted_gateway",
    "forward_proxy",
    "alternative_service",
    "shared_names",
    "listener",
    "privacy",
    "limits",
    "windows",
    "alert",
    "notify",
];

fn policy<'a>(document: &'a DeTable<'a>, read_key: ReadKey<'_>, report: &mut Report<'_>) -> Policy {
    let file = Section::new(document, 0..0, String::new(), &SECTIONS, report);
    let mut tables = |name, known| file.tables(name, known, report);
    let gateways = tables("trusted_gateway", party::GATEWAY);
    let proxies = tables("forward_proxy", party::PROXY);
    let services = tables("alternative_service", party::SERVICE);
    let groups = tables("shared_names", names::GROUP);
    let listeners = tables("listener", listener::KEYS);
    let alerts = tables("alert", alert::KEYS);
    let mut each = |sections: Option<Vec<Section<'a>>>, read: fn(&Section<'a>, &mut Report<'_>) -> _| {
        let sections = sections.unwrap_or_default();
        sections.iter().map(|section| read(section, report)).collect()
    };
    let trusted_gateways = each(gateways, party::party);
    let forward_proxies = each(proxies, party::party);
    Policy {
        trusted_gateways,
        forward_proxies,
        alternative_services: services
            .unwrap_or_default()
            .iter()
            .map(|section| party::alternative_service(section, report))
            .collect(),
        shared_names: groups
            .unwrap_or_default()
            .iter()
            .filter_map(|section| names::group(section, report))
            .collect(),
        listeners: listener::listeners(&listeners.unwrap_or_default(), report),
        privacy: settings::privacy(&file, read_key, report),
        limits: settings::limits(&file, report),
        windows: settings::windows(&file, report),
        rules: match alerts {
            Some(alerts) => alert::rules(&alerts, report),
            None => defaults::rules(),
        },
        sinks: notify::sinks(&file, report),
    }
}
