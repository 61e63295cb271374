//! Where the server is: the first address that takes a connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::connect::{Refusal, connect};
use super::plan::{PROTOCOLS, Plan, Sni};
use super::target::{Target, Via};
use super::{Presented, Progress};
use crate::verdict::name::Host;

/// Most addresses that are tried.
const MOST_ADDRESSES: usize = 8;

/// Why there is nobody to ask.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreachable {
    /// The host has no address.
    #[error("cannot look up {host}: {cause}; name an address with --connect")]
    Unresolved {
        /// What was looked up.
        host: String,
        /// Why there is no address.
        cause: String,
    },
    /// No address takes a connection.
    #[error("{host} cannot be reached: {}", .refusals.iter().map(Refusal::to_string).collect::<Vec<_>>().join(", "))]
    NoConnection {
        /// What was to be reached.
        host: String,
        /// Why not, for each address.
        refusals: Vec<Refusal>,
    },
}

/// Where the server is.
pub(super) struct Reached {
    pub(super) address: SocketAddr,
    /// What it presents for the URL's host.
    pub(super) first: Presented,
}

/// Looks the host up, once, and connects to one address after the other until one takes the connection.
pub(super) async fn reach(
    target: &Target,
    via: Option<&Via>,
    plan: &Plan,
    limit: Duration,
    progress: &mut dyn FnMut(Progress),
) -> Result<Reached, Unreachable> {
    let host = via.map_or(&target.host, |via| &via.host);
    let port = via.and_then(|via| via.port).unwrap_or(target.port);
    let tell = |now: String| Progress {
        done: 0,
        of: plan.size(),
        now,
    };
    if let Host::Name(name) = host {
        progress(tell(format!("looking up {name}")));
    }
    let addresses = addresses(host, port, limit)
        .await
        .map_err(|error| Unreachable::Unresolved {
            host: host.to_string(),
            cause: error.to_string(),
        })?;
    let mut refusals = Vec::new();
    for address in addresses {
        progress(tell(format!("connecting to {address}")));
        let sni = Sni::of(&target.host);
        let dialled = connect(address, &sni, &PROTOCOLS, limit).await;
        match dialled.stream.err() {
            Some(refusal) if refusal.is_unreachable() => refusals.push(refusal),
            refusal => {
                let first = Presented {
                    sni,
                    handshake: dialled.handshake,
                    refusal,
                };
                return Ok(Reached { address, first });
            }
        }
    }
    Err(Unreachable::NoConnection {
        host: format!("{host}, port {port},"),
        refusals,
    })
}

async fn addresses(host: &Host, port: u16, limit: Duration) -> io::Result<Vec<SocketAddr>> {
    let name = match host {
        Host::Address(address) => return Ok(vec![SocketAddr::new(*address, port)]),
        Host::Name(name) => name.as_str(),
    };
    let found = timeout(limit, lookup_host((name, port)))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) && addresses.len() < MOST_ADDRESSES {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(io::Error::other("it has no address"));
    }
    Ok(addresses)
}
