//! What every client asks of every server: right, coalesced, split, nameless and by address.

use std::net::Ipv4Addr;

use crate::rig::dial::{Dial, Request};
use crate::rig::servers::Server;

/// Hands out names and addresses that no other request asks for.
#[derive(Debug)]
pub struct Names {
    number: u32,
}

impl Names {
    /// Two runs on one machine at once hardly ever hand out the same address.
    pub fn new() -> Self {
        Self {
            number: std::process::id().wrapping_mul(1_009) % 10_000_000,
        }
    }

    fn own(&mut self, server: &Server) -> String {
        server.own(self.next())
    }

    fn foreign(&mut self, server: &Server) -> String {
        server.foreign(self.next())
    }

    /// Of 127.0.0.0/8, but not 127.0.0.1 itself.
    fn address(&mut self) -> String {
        let base = u32::from(Ipv4Addr::new(127, 1, 0, 0));
        Ipv4Addr::from(base + self.next()).to_string()
    }

    fn next(&mut self) -> u32 {
        self.number += 1;
        self.number
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

/// One connection of each kind.
pub fn dials(server: &Server, names: &mut Names) -> Vec<Dial> {
    vec![
        right(names.own(server)),
        right(names.foreign(server)),
        coalesced(server, names),
        split(names.own(server), &names.own(server)),
        split(names.own(server), &names.foreign(server)),
        nameless(names.own(server)),
        nameless(names.foreign(server)),
        nameless(names.address()),
    ]
}

fn right(name: String) -> Dial {
    Dial {
        requests: vec![get(name.clone(), "/"), get(name.clone(), "/missing")],
        sni: Some(name),
    }
}

/// The name itself, a sibling on the same certificate, and one on another.
fn coalesced(server: &Server, names: &mut Names) -> Dial {
    let name = names.own(server);
    let sibling = Request {
        method: "HEAD",
        ..get(names.own(server), "/")
    };
    Dial {
        requests: vec![
            get(name.clone(), "/"),
            sibling,
            // Servers may close the connection after it.
            get(names.foreign(server), "/"),
        ],
        sni: Some(name),
    }
}

fn split(sni: String, authority: &str) -> Dial {
    Dial {
        sni: Some(sni),
        requests: vec![get(format!("{authority}:8443"), "/")],
    }
}

fn nameless(authority: String) -> Dial {
    let request = Request {
        method: "OPTIONS",
        ..get(authority, "/")
    };
    Dial {
        sni: None,
        requests: vec![request],
    }
}

fn get(authority: String, path: &'static str) -> Request {
    Request {
        method: "GET",
        authority,
        path,
    }
}
