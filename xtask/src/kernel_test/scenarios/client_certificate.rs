//! A name that demands a client certificate is reached over the connection of a name that does not, at a server that
//! does not compare them (emissary#3340).

use anyhow::{Result, ensure};

use super::expect::{Side, Watch, answered, row};
use super::shared_wildcard::SHARED;
use super::{A, B};
use crate::kernel_test::Setting;
use crate::kernel_test::world::{demand, start_agent};
use crate::rig::certificate::Authority;
use crate::rig::clients::node;
use crate::rig::clients::scripted::{Request, Script};
use crate::rig::configured::{Haproxy, bundle};
use crate::rig::port;

pub(super) fn play(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let authority = Authority::new()?;
    let trusted = authority.write(scratch, "authority")?;
    let certificate = authority.certify(scratch, "wildcard", &["*.shop.example"], false)?;
    let own = authority.certify(scratch, "client", &["client.example"], false)?;
    let pem = bundle(scratch, "front", &certificate)?;
    let list = scratch.write(
        "certificates",
        format!(
            "{pem} [verify required ca-file {trusted}] {B}\n{pem} {A}\n",
            pem = pem.display(),
            trusted = trusted.display()
        ),
    )?;
    let port = port::free()?;
    let sections = |lines: &[String]| {
        format!(
            "frontend front
  bind 127.0.0.1:{port} ssl alpn h2,http/1.1 crt-list {}
  {}
  http-request return status 200 content-type text/plain string ok",
            list.display(),
            lines.join("\n  ")
        )
    };
    let mut haproxy = Haproxy::start(scratch, port, &sections(&[]))?;
    let bypass = Script {
        port,
        requests: &SHARED,
        again: None,
        certificate: None,
    };
    let proper = Script {
        requests: &[Request::new("own", B, B)],
        certificate: Some(&own),
        ..bypass
    };
    ensure!(
        Script {
            certificate: None,
            ..proper
        }
        .play(scratch)
        .is_err(),
        "HAProxy demands no client certificate for {B}"
    );
    let _node = node::idle(scratch)?;
    let agent = start_agent(setting)?;
    let watch = Watch::new(&agent)?;

    // What is not known yet accuses nobody.
    let mut truths = bypass.play(scratch)?;
    truths.extend(proper.play(scratch)?);
    truths.extend(bypass.play(scratch)?);
    answered(&truths, &[200; 5])?;
    let fine = [
        row(Some(A), A, 200, "ok", None),
        row(Some(A), B, 200, "coalesced_ok", None),
        row(Some(B), B, 200, "ok", None),
        row(Some(A), A, 200, "ok", None),
    ];
    let server = [&fine[..], &[row(Some(A), B, 200, "mtls_bypass", None)]].concat();
    let accepted = watch.demand(Side::server(port), &server)?;
    // The client knows what it was asked for on its own connections alone.
    let client = [&fine[..], &[row(Some(A), B, 200, "coalesced_ok", None)]].concat();
    watch.demand(Side::client(port), &client)?;
    watch
        .cause("mtls_bypass", "server", "haproxy")?
        .counts(1, 1, &[B])?;
    let explanation = watch.explain(&accepted[4])?;
    explanation
        .says("Critical: a connection made for \"b.shop.example\" has to present a client certificate")?;
    let lines = explanation.lines("haproxy", "server")?;

    // The very lines that were told close the gap.
    haproxy.restart(&sections(lines))?;
    let watch = Watch::new(&agent)?;
    let closed = bypass.play(scratch)?;
    answered(&closed, &[200, 421])?;
    let rows = [
        row(Some(A), A, 200, "ok", None),
        row(Some(A), B, 421, "coalesced_421", Some("not_retried")),
    ];
    watch.demand(Side::server(port), &rows)?;
    truths.extend(closed);
    demand(&agent, &[port], &truths)
}
