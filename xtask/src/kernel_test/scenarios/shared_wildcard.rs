//! Two virtual hosts of Apache share a wildcard certificate and differ in their ciphers: a client may share its
//! connection between them, and Apache declines that.

use anyhow::{Result, ensure};

use super::expect::{Side, Watch, answered, row, wrote};
use super::{A, B};
use crate::kernel_test::Setting;
use crate::kernel_test::world::{demand, start_agent, wildcard};
use crate::rig::apache::{Answered, Apache, Site};
use crate::rig::certificate::Certificate;
use crate::rig::clients::node;
use crate::rig::clients::scripted::{Again, Request, Script};

/// One session, which is used for the other name too.
pub(super) const SHARED: [Request<'_>; 2] = [Request::new("shared", A, A), Request::new("shared", A, B)];

pub(super) fn play(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let certificate = wildcard(scratch)?;
    let apache = Apache::start(
        scratch,
        &sites(&certificate, Some("ECDHE-ECDSA-AES256-GCM-SHA384")),
    )?;
    let alike = Apache::start(scratch, &sites(&certificate, None))?;
    let _node = node::idle(scratch)?;
    let agent = start_agent(setting)?;
    let watch = Watch::new(&agent)?;
    let script = Script {
        port: apache.port,
        requests: &SHARED,
        again: Some(Again::RIGHT),
        certificate: None,
    };

    let mut truths = script.play(scratch)?;
    answered(&truths, &[200, 421, 200])?;
    truths.extend(
        Script {
            again: None,
            ..script
        }
        .play(scratch)?,
    );
    answered(&truths, &[200, 421, 200, 200, 421])?;
    let rows = [
        row(Some(A), A, 200, "ok", None),
        row(Some(A), B, 421, "coalesced_421", Some("cured")),
        row(Some(B), B, 200, "ok", None),
        row(Some(A), A, 200, "ok", None),
        row(Some(A), B, 421, "coalesced_421", Some("not_retried")),
    ];
    watch.demand(Side::client(apache.port), &rows)?;
    let accepted = watch.demand(Side::server(apache.port), &rows)?;
    let written = truths.iter().map(|truth| Answered {
        sni: truth.sni.clone(),
        host: truth.authority.clone(),
        status: truth.status.unwrap_or_default(),
    });
    let written: Vec<Answered> = written.collect();
    wrote(|| apache.answered(), &written)?;
    watch
        .cause("coalesced_421", "server", "apache2")?
        .counts(2, 2, &[B])?;
    let explanation = watch.explain(&accepted[1])?;
    explanation.says("identical TLS settings for \"a.shop.example\" and \"b.shop.example\"")?;
    let lines = explanation.lines("apache", "server")?;
    ensure!(
        lines.contains(&format!("    ServerName {B}"))
            && lines.iter().any(|line| line.contains("SSLCipherSuite")),
        "the lines are {lines:?}"
    );

    // With the same settings for both, the request is served where it arrives.
    let served = Script {
        port: alike.port,
        ..script
    }
    .play(scratch)?;
    answered(&served, &[200, 200])?;
    let rows = [
        row(Some(A), A, 200, "ok", None),
        row(Some(A), B, 200, "coalesced_ok", None),
    ];
    watch.demand(Side::client(alike.port), &rows)?;
    watch.demand(Side::server(alike.port), &rows)?;
    truths.extend(served);
    demand(&agent, &[apache.port, alike.port], &truths)
}

/// The second has these ciphers of its own.
fn sites<'a>(certificate: &'a Certificate, ciphers: Option<&'a str>) -> [Site<'a>; 2] {
    [(A, None), (B, ciphers)].map(|(name, ciphers)| Site {
        name,
        certificate,
        ciphers,
    })
}
