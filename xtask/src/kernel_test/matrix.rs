//! A thousand requests in each way, several authorities mixed on one connection.

use anyhow::Result;

use super::world::{NAME, SIBLING, STRANGER, World, demand, start_agent};
use super::{Case, Setting};
use crate::rig::apache::{Apache, Site};
use crate::rig::certificate::Authority;
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::clients::node::{self, Load};
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

pub(super) const CASES: &[Case] = &[
    case("matrix::nginx_http1_keep_alive", |setting| nginx(setting, None)),
    case("matrix::nginx_h2_1_stream", |setting| nginx(setting, Some(1))),
    case("matrix::nginx_h2_8_streams", |setting| nginx(setting, Some(8))),
    case("matrix::nginx_h2_32_streams", |setting| nginx(setting, Some(32))),
    case("matrix::apache_http1_keep_alive", |setting| apache(setting, None)),
    case("matrix::apache_h2_1_stream", |setting| apache(setting, Some(1))),
    case("matrix::apache_h2_8_streams", |setting| apache(setting, Some(8))),
    case("matrix::apache_h2_32_streams", |setting| {
        apache(setting, Some(32))
    }),
];

const REQUESTS: usize = 1_000;
const AUTHORITIES: &[&str] = &[NAME, SIBLING, NAME, STRANGER, "a.shop.example:8443"];
const PATHS: &[&str] = &["/", "/missing", "/small"];

const fn case(name: &'static str, run: fn(&Setting) -> Result<String>) -> Case {
    Case {
        name,
        observes: true,
        run,
    }
}

/// Against nginx; `streams` at once over HTTP/2, or over HTTP/1.1 where it is `None`.
fn nginx(setting: &Setting, streams: Option<usize>) -> Result<String> {
    let _node = node::idle(&setting.scratch)?;
    let world = World::new(setting)?;
    let truths = drive(world.scratch, world.nginx.port, streams)?;
    world.demand(&truths)
}

/// Against an Apache with two certificates, so that the sibling and its like are answered with 421.
fn apache(setting: &Setting, streams: Option<usize>) -> Result<String> {
    let scratch = &setting.scratch;
    let authority = Authority::new()?;
    let wide = authority.certify(scratch, "wide", &["*.shop.example"], false)?;
    let narrow = authority.certify(scratch, "narrow", &[SIBLING], false)?;
    let sites = [(NAME, &wide), (SIBLING, &narrow)].map(|(name, certificate)| Site {
        name,
        certificate,
        ciphers: None,
    });
    let apache = Apache::start(scratch, &sites)?;
    let _node = node::idle(scratch)?;
    let agent = start_agent(setting)?;
    let truths = drive(scratch, apache.port, streams)?;
    demand(&agent, &[apache.port], &truths)
}

fn drive(scratch: &Scratch, port: u16, streams: Option<usize>) -> Result<Vec<Truth>> {
    let Some(concurrency) = streams else {
        let visits: Vec<Visit> = (0..REQUESTS)
            .map(|index| {
                let authority = AUTHORITIES[index % AUTHORITIES.len()];
                Visit::new(Some(NAME), authority, PATHS[index % PATHS.len()])
            })
            .collect();
        return curl::visit(scratch, port, Version::Http1, &visits);
    };
    node::load(
        scratch,
        &Load {
            port,
            sni: Some(NAME),
            authorities: AUTHORITIES,
            paths: PATHS,
            requests: REQUESTS,
            concurrency,
        },
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_authority_meets_every_path() {
        let pairs: BTreeSet<_> = (0..REQUESTS)
            .map(|index| (index % AUTHORITIES.len(), index % PATHS.len()))
            .collect();
        assert_eq!(pairs.len(), AUTHORITIES.len() * PATHS.len());
    }
}
