//! What the clients of the demo do: right, coalesced, split and nameless requests.

use anyhow::Result;

use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::clients::node::{self, Load};
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

/// Apache: its certificate covers the admin site, too, so clients may believe that they can share.
pub(super) const WWW: &str = "www.shop.example";
/// Apache: has a certificate of its own as well, so its connections cannot be shared.
pub(super) const ADMIN: &str = "admin.shop.example";
/// nginx: a tenant on a shared wildcard certificate.
pub(super) const TENANT: &str = "alice.tenant.example";
/// nginx: another tenant on it.
pub(super) const NEIGHBOUR: &str = "bob.tenant.example";
/// nginx: not on its certificate.
pub(super) const STRANGER: &str = "intranet.example";

/// Requests of a connection, each with the verdict its facts call for.
type Script = &'static [(&'static str, &'static str)];

/// A connection over HTTP/1.1: its server name and its requests.
type Connection = (Option<&'static str>, Script);

const APACHE_HTTP1: &[Connection] = &[
    (Some(WWW), &[(WWW, "ok"), (WWW, "ok"), (ADMIN, "pool_bleed_421")]),
    (Some(ADMIN), &[(ADMIN, "ok"), (ADMIN, "ok")]),
    (None, &[(ADMIN, "no_sni_421")]),
];

const APACHE_SPLIT: &[Connection] = &[(Some(WWW), &[(ADMIN, "split_421")])];

const APACHE_H2: Script = &[
    (WWW, "ok"),
    (ADMIN, "coalesced_421"),
    (WWW, "ok"),
    (ADMIN, "coalesced_421"),
];

const NGINX_HTTP1: &[Connection] = &[
    (
        Some(TENANT),
        &[(TENANT, "ok"), (TENANT, "ok"), (NEIGHBOUR, "coalesced_ok")],
    ),
    (None, &[(TENANT, "no_sni_served")]),
];

const NGINX_SPLIT: &[Connection] = &[(Some(TENANT), &[(NEIGHBOUR, "split_served")])];

const NGINX_H2: Script = &[
    (TENANT, "ok"),
    (NEIGHBOUR, "coalesced_ok"),
    (STRANGER, "served_uncovered"),
    (TENANT, "ok"),
];

/// Requests over HTTP/2, and how many of them at once.
const H2_REQUESTS: usize = 20;
const H2_CONCURRENCY: usize = 4;

/// Drives the clients against both servers.
///
/// # Errors
///
/// When a client fails.
pub(super) fn drive(scratch: &Scratch, apache: u16, nginx: u16) -> Result<Vec<Truth>> {
    Ok([
        http1(scratch, apache, APACHE_HTTP1)?,
        http1(scratch, apache, APACHE_SPLIT)?,
        h2(scratch, apache, WWW, APACHE_H2)?,
        http1(scratch, nginx, NGINX_HTTP1)?,
        http1(scratch, nginx, NGINX_SPLIT)?,
        h2(scratch, nginx, TENANT, NGINX_H2)?,
    ]
    .concat())
}

/// One curl, which keeps a connection for each server name.
fn http1(scratch: &Scratch, port: u16, connections: &[Connection]) -> Result<Vec<Truth>> {
    let requests = || {
        connections.iter().flat_map(|(sni, script)| {
            script
                .iter()
                .map(move |(authority, verdict)| (*sni, *authority, *verdict))
        })
    };
    let visits: Vec<Visit> = requests()
        .map(|(sni, authority, _)| Visit::new(sni, authority, "/"))
        .collect();
    let mut truths = curl::visit(scratch, port, Version::Http1, &visits)?;
    let answered = truths.iter_mut().filter(|truth| !truth.abandoned);
    for (truth, (_, _, verdict)) in answered.zip(requests()) {
        truth.verdict = Some(verdict.to_owned());
    }
    Ok(truths)
}

/// One connection of Node's with several requests at once.
fn h2(scratch: &Scratch, port: u16, sni: &str, script: Script) -> Result<Vec<Truth>> {
    let authorities: Vec<&str> = script.iter().map(|(authority, _)| *authority).collect();
    let load = Load {
        port,
        sni: Some(sni),
        authorities: &authorities,
        paths: &["/"],
        requests: H2_REQUESTS,
        concurrency: H2_CONCURRENCY,
    };
    let mut truths = node::load(scratch, &load)?;
    for truth in &mut truths {
        truth.verdict = script
            .iter()
            .find(|(authority, _)| *authority == truth.authority)
            .map(|(_, verdict)| (*verdict).to_owned());
    }
    Ok(truths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_authority_of_a_script_has_one_verdict() {
        for script in [APACHE_H2, NGINX_H2] {
            for (authority, verdict) in script {
                let first = script.iter().find(|(name, _)| name == authority).unwrap();
                assert_eq!(first.1, *verdict, "{authority}");
            }
        }
    }
}
