//! Servers that serve any name on any connection, and the lines that make them refuse.

use anyhow::Result;
use serde_json::json;

use super::expect::{Side, Watch, answered, row};
use super::shared_wildcard::SHARED;
use super::told::Explanation;
use super::{A, B, MARK, SERVER};
use crate::kernel_test::Setting;
use crate::kernel_test::world::{STRANGER, demand, start_agent, wildcard};
use crate::rig::agent::Agent;
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::clients::node;
use crate::rig::clients::scripted::{Again, Request, Script};
use crate::rig::configured::{self, Nginx};
use crate::rig::port;
use crate::rig::truth::Truth;

pub(super) fn play_nginx(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let certificate = wildcard(scratch)?;
    let port = port::free()?;
    let configuration = |lines: &[String]| {
        format!(
            "  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    {lines}
    location / {{ return 200 ok; }}
  }}",
            certificate = certificate.certificate.display(),
            key = certificate.key.display(),
            lines = lines.join("\n    "),
        )
    };
    let mut nginx = Nginx::start(scratch, port, &configuration(&[]))?;
    let agent = start_agent(setting)?;
    let (mut truths, explanation) = served(setting, &agent, port)?;
    nginx.reload(&configuration(explanation.lines("nginx", "server")?))?;
    truths.extend(refused(setting, &agent, port)?);
    demand(&agent, &[port], &truths)
}

pub(super) fn play_node(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let certificate = wildcard(scratch)?;
    let ports = [port::free()?, port::free()?];
    let start = |port: u16, lines: &[String]| {
        let options = json!({"port": port, "certificate": [certificate.certificate, certificate.key]});
        configured::node(scratch, port, &SERVER.replace(MARK, &lines.join("\n")), &options)
    };
    let _silent = start(ports[0], &[])?;
    let agent = start_agent(setting)?;
    let (mut truths, explanation) = served(setting, &agent, ports[0])?;
    let _refusing = start(ports[1], explanation.lines("node", "server")?)?;
    truths.extend(refused(setting, &agent, ports[1])?);
    demand(&agent, &ports, &truths)
}

/// A name that the certificate does not cover is served: what the agent says to that.
fn served(setting: &Setting, agent: &Agent, port: u16) -> Result<(Vec<Truth>, Explanation)> {
    let watch = Watch::new(agent)?;
    let visits = [A, STRANGER].map(|authority| Visit::new(Some(A), authority, "/"));
    let truths = curl::visit(&setting.scratch, port, Version::Http2, &visits)?;
    answered(&truths, &[200; 2])?;
    let rows = [
        row(Some(A), A, 200, "ok", None),
        row(Some(A), STRANGER, 200, "served_uncovered", None),
    ];
    watch.demand(Side::client(port), &rows)?;
    let accepted = watch.demand(Side::server(port), &rows)?;
    let explanation = watch.explain(&accepted[1])?;
    Ok((truths, explanation))
}

/// Other names are refused, and the own one is not, however it is written.
fn refused(setting: &Setting, agent: &Agent, port: u16) -> Result<Vec<Truth>> {
    let watch = Watch::new(agent)?;
    let spellings = [
        A.to_owned(),
        format!("{A}:{port}"),
        A.to_uppercase(),
        format!("{A}."),
        B.to_owned(),
    ];
    let mut truths = Vec::new();
    let mut rows = Vec::new();
    for (version, refusal) in [
        (Version::Http1, "pool_bleed_421"),
        (Version::Http2, "coalesced_421"),
    ] {
        let visits = spellings
            .each_ref()
            .map(|authority| Visit::new(Some(A), authority, "/"));
        let mut made = curl::visit(&setting.scratch, port, version, &visits)?;
        answered(&made, &[200, 200, 200, 200, 421])?;
        for truth in &mut made[..4] {
            A.clone_into(&mut truth.authority);
        }
        truths.extend(made);
        rows.extend([row(Some(A), A, 200, "ok", None); 4]);
        rows.push(row(Some(A), B, 421, refusal, Some("not_retried")));
    }
    watch.demand(Side::client(port), &rows)?;
    watch.demand(Side::server(port), &rows)?;
    Ok(truths)
}

/// A server that routes by server name answers 404 to other names, as the Envoy family does: what is not known of the
/// name accuses nobody (istio#13589, #55732; gateway-api#3718).
pub(super) fn play_routes(setting: &Setting) -> Result<String> {
    const ROUTE: &str = "if (req.authority !== req.socket.servername) { res.writeHead(404).end(); return; }";
    let scratch = &setting.scratch;
    let certificate = wildcard(scratch)?;
    let ports = [port::free()?, port::free()?];
    let start = |port: u16, lines: &str| {
        let options = json!({"port": port, "certificate": [certificate.certificate, certificate.key]});
        configured::node(scratch, port, &SERVER.replace(MARK, lines), &options)
    };
    let _silent = start(ports[0], ROUTE)?;
    let _node = node::idle(scratch)?;
    let agent = start_agent(setting)?;
    let watch = Watch::new(&agent)?;
    // Each side learns from what it sees: here one client sees all.
    let requests = [SHARED[0], SHARED[1], Request::new("own", B, B), SHARED[1]];
    let script = Script {
        port: ports[0],
        requests: &requests,
        again: None,
        certificate: None,
    };
    let mut truths = script.play(scratch)?;
    answered(&truths, &[200, 404, 200, 404])?;
    let rows = [
        row(Some(A), A, 200, "ok", None),
        row(Some(A), B, 404, "ambiguous_4xx", None),
        row(Some(B), B, 200, "ok", None),
        row(Some(A), B, 404, "missing_421", None),
    ];
    watch.demand(Side::client(ports[0]), &rows)?;
    let accepted = watch.demand(Side::server(ports[0]), &rows)?;
    let explanation = watch.explain(&accepted[3])?;
    explanation.says("answer 421 instead of 404")?;

    // With the lines that were told the client is cured.
    let lines = [explanation.lines("node", "server")?.join("\n"), ROUTE.to_owned()].join("\n");
    let _refusing = start(ports[1], &lines)?;
    let cured = Script {
        port: ports[1],
        requests: &SHARED,
        again: Some(Again::RIGHT),
        ..script
    }
    .play(scratch)?;
    answered(&cured, &[200, 421, 200])?;
    let rows = [
        row(Some(A), A, 200, "ok", None),
        row(Some(A), B, 421, "coalesced_421", Some("cured")),
        row(Some(B), B, 200, "ok", None),
    ];
    watch.demand(Side::client(ports[1]), &rows)?;
    watch.demand(Side::server(ports[1]), &rows)?;
    truths.extend(cured);
    demand(&agent, &ports, &truths)
}
