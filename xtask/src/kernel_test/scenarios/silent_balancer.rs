//! `HAProxy` before Apache, one wildcard certificate for all: it serves every name on every connection, until it is told
//! to refuse.

use anyhow::Result;

use super::expect::{Side, Watch, answered, row};
use super::{A, B};
use crate::kernel_test::Setting;
use crate::kernel_test::world::{STRANGER, demand, start_agent, wildcard};
use crate::rig::apache::{Apache, Site};
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::clients::node;
use crate::rig::clients::scripted::{Request, Script};
use crate::rig::configured::{Haproxy, bundle};
use crate::rig::port;

pub(super) fn play(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let certificate = wildcard(scratch)?;
    let sites = [A, B].map(|name| Site {
        name,
        certificate: &certificate,
        ciphers: None,
    });
    let apache = Apache::start(scratch, &sites)?;
    let port = port::free()?;
    let pem = bundle(scratch, "front", &certificate)?;
    let sections = |lines: &[String]| {
        format!(
            "frontend front
  bind 127.0.0.1:{port} ssl alpn h2,http/1.1 crt {}
  {}
  default_backend back
backend back
  server apache 127.0.0.1:{} ssl verify none sni req.hdr(host),field(1,:)",
            pem.display(),
            lines.join("\n  "),
            apache.port
        )
    };
    let mut haproxy = Haproxy::start(scratch, port, &sections(&[]))?;
    let _node = node::idle(scratch)?;
    let agent = start_agent(setting)?;
    let requests = [A, B, STRANGER].map(|authority| Request::new("shared", A, authority));
    let script = Script {
        port,
        requests: &requests,
        again: None,
        certificate: None,
    };
    let split = [Visit::new(Some(A), B, "/")];

    // It says nothing.
    let watch = Watch::new(&agent)?;
    let mut truths = script.play(scratch)?;
    truths.extend(curl::visit(scratch, port, Version::Http1, &split)?);
    answered(&truths, &[200; 4])?;
    let rows = [
        row(Some(A), A, 200, "ok", None),
        row(Some(A), B, 200, "coalesced_ok", None),
        row(Some(A), STRANGER, 200, "served_uncovered", None),
        row(Some(A), B, 200, "split_served", None),
    ];
    watch.demand(Side::client(port), &rows)?;
    let accepted = watch.demand(Side::server(port), &rows)?;
    watch
        .cause("served_uncovered", "server", "haproxy")?
        .counts(1, 1, &[STRANGER])?;
    let explanation = watch.explain(&accepted[2])?;
    explanation.says("answer 421 to names that the connection's certificate does not cover")?;
    let lines = explanation.lines("haproxy", "server")?;

    // The very lines that were told let it refuse, and no name as it is written otherwise.
    haproxy.restart(&sections(lines))?;
    let watch = Watch::new(&agent)?;
    let mut refused = script.play(scratch)?;
    refused.extend(curl::visit(scratch, port, Version::Http1, &split)?);
    answered(&refused, &[200, 421, 421, 421])?;
    let mut rows = vec![
        row(Some(A), A, 200, "ok", None),
        row(Some(A), B, 421, "coalesced_421", Some("not_retried")),
        row(Some(A), STRANGER, 421, "uncovered_421", Some("not_retried")),
        row(Some(A), B, 421, "split_421", Some("not_retried")),
    ];
    let spellings = [format!("{A}:{port}"), A.to_uppercase(), format!("{A}.")];
    for version in [Version::Http1, Version::Http2] {
        let visits: Vec<Visit> = spellings
            .iter()
            .map(|spelling| Visit::new(Some(A), spelling, "/"))
            .collect();
        let mut spelled = curl::visit(scratch, port, version, &visits)?;
        answered(&spelled, &[200; 3])?;
        for truth in &mut spelled {
            A.clone_into(&mut truth.authority);
        }
        refused.extend(spelled);
        rows.extend([row(Some(A), A, 200, "ok", None); 3]);
    }
    watch.demand(Side::client(port), &rows)?;
    watch.demand(Side::server(port), &rows)?;
    truths.extend(refused);
    demand(&agent, &[port], &truths)
}

/// Such lines on a proxy that is asked for a tunnel: whom that leads to has nothing to do with the connection
/// (naiveproxy#393).
pub(super) fn play_tunnel(setting: &Setting) -> Result<String> {
    const TARGET: &str = "target.example";
    let scratch = &setting.scratch;
    let certificate = wildcard(scratch)?;
    let port = port::free()?;
    let sections = format!(
        "frontend front
  bind 127.0.0.1:{port} ssl alpn h2,http/1.1 crt {}
  http-request set-var(txn.host) req.hdr(host),field(1,:),lower
  http-request return status 421 if {{ ssl_fc_has_sni }} !{{ ssl_fc_sni,strcmp(txn.host) eq 0 }}
  http-request return status 200",
        bundle(scratch, "front", &certificate)?.display(),
    );
    let _haproxy = Haproxy::start(scratch, port, &sections)?;
    let _node = node::idle(scratch)?;
    let agent = start_agent(setting)?;
    let watch = Watch::new(&agent)?;
    let requests = [Request {
        method: "CONNECT",
        ..Request::new("proxy", A, "target.example:443")
    }];
    let script = Script {
        port,
        requests: &requests,
        again: None,
        certificate: None,
    };
    let mut truths = script.play(scratch)?;
    answered(&truths, &[421])?;
    let rows = [row(Some(A), TARGET, 421, "connect_421", Some("not_retried"))];
    watch.demand(Side::client(port), &rows)?;
    let accepted = watch.demand(Side::server(port), &rows)?;
    watch
        .cause("connect_421", "server", "haproxy")?
        .counts(1, 1, &[TARGET])?;
    watch
        .explain(&accepted[0])?
        .says("leave CONNECT out of the proxy's check of SNI against authority")?;
    TARGET.clone_into(&mut truths[0].authority);
    demand(&agent, &[port], &truths)
}
