//! Which exchange belongs to which request.

use super::{Ground, Side};
use crate::rig::exchange::Exchange;
use crate::rig::truth::Truth;

/// A request and the exchanges that were found for it.
pub(super) struct Entry<'a> {
    pub(super) truth: &'a Truth,
    pub(super) server: Option<&'a Exchange>,
    pub(super) client: Option<&'a Exchange>,
}

/// Finds the request that an exchange belongs to best, and says whether there is one.
pub(super) fn place<'a>(ground: &Ground, entries: &mut [Entry<'a>], exchange: &'a Exchange) -> bool {
    let likeness = |entry: &Entry<'_>| {
        let truth = entry.truth;
        let number = exchange.connection.request_number == Some(truth.request_number);
        let socket = exchange
            .ends()
            .is_some_and(|(client, _)| truth.local.as_deref() == Some(client));
        match exchange.authority.as_deref() {
            Some(name) if name == truth.authority => Some((number, socket)),
            // By its place alone, then.
            None if number && socket => Some((number, socket)),
            _ => None,
        }
    };
    let best = entries
        .iter_mut()
        .filter_map(|entry| {
            let likeness = likeness(entry)?;
            let free = match side_in(ground, entry.truth, exchange) {
                "server" => &mut entry.server,
                _ => &mut entry.client,
            };
            free.is_none().then_some((likeness, free))
        })
        .max_by_key(|(likeness, _)| *likeness);
    best.map(|(_, free)| *free = Some(exchange)).is_some()
}

/// The side on which the exchange was seen, by the process rather than by the role, which may be wrong.
fn side_in(ground: &Ground, truth: &Truth, exchange: &Exchange) -> Side {
    if exchange.process.pid == truth.pid {
        "client"
    } else if ground.pids.contains(&exchange.process.pid) || exchange.role.as_deref() == Some("server") {
        "server"
    } else {
        "client"
    }
}

/// As [`side_in`], where it belongs to no request.
pub(super) fn side_of(ground: &Ground, truths: &[Truth], exchange: &Exchange) -> Side {
    let owner = truths.iter().find(|truth| truth.pid == exchange.process.pid);
    match owner.or(truths.first()) {
        Some(truth) => side_in(ground, truth, exchange),
        None => "server",
    }
}
