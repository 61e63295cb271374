//! Balancers that cannot pass the name on: one that sends none (amazon-linux-2023#1003), and one that sends the same for
//! all (haproxy#3105).

use anyhow::{Result, bail};

use super::expect::{Side, Watch, answered, row};
use super::{A, B};
use crate::kernel_test::Setting;
use crate::kernel_test::world::{demand, start_agent};
use crate::rig::apache::{Apache, Site};
use crate::rig::certificate::{Authority, Certificate};
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::configured::{Haproxy, bundle};
use crate::rig::port;

fn sites<'a>(wide: &'a Certificate, narrow: &'a Certificate) -> [Site<'a>; 2] {
    [(A, wide), (B, narrow)].map(|(name, certificate)| Site {
        name,
        certificate,
        ciphers: None,
    })
}

/// Apache's own directive takes what comes without a name.
pub(super) fn play_none(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let authority = Authority::new()?;
    let wide = authority.certify(scratch, "wide", &["*.shop.example"], false)?;
    let narrow = authority.certify(scratch, "narrow", &[B], false)?;
    let apache = Apache::start(scratch, &sites(&wide, &narrow))?;
    let agent = start_agent(setting)?;
    let watch = Watch::new(&agent)?;
    let visits = [Visit::new(None, B, "/")];
    let mut truths = curl::visit(scratch, apache.port, Version::Http1, &visits)?;
    answered(&truths, &[421])?;
    let rows = [row(None, B, 421, "no_sni_421", Some("not_retried"))];
    watch.demand(Side::client(apache.port), &rows)?;
    let accepted = watch.demand(Side::server(apache.port), &rows)?;
    let explanation = watch.explain(&accepted[0])?;
    explanation.says("If the client cannot send SNI")?;
    let lines = explanation.lines("apache", "server")?;

    let lenient = Apache::start_with(scratch, &sites(&wide, &narrow), lines)?;
    let served = curl::visit(scratch, lenient.port, Version::Http1, &visits)?;
    answered(&served, &[200])?;
    let rows = [row(None, B, 200, "no_sni_served", None)];
    watch.demand(Side::client(lenient.port), &rows)?;
    watch.demand(Side::server(lenient.port), &rows)?;
    truths.extend(served);
    demand(&agent, &[apache.port, lenient.port], &truths)
}

/// `HAProxy` sends the first name for every request.
pub(super) fn play_same(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let authority = Authority::new()?;
    let trusted = authority.write(scratch, "authority")?;
    let wide = authority.certify(scratch, "wide", &["*.shop.example"], false)?;
    let narrow = authority.certify(scratch, "narrow", &[B], false)?;
    let apache = Apache::start(scratch, &sites(&wide, &narrow))?;
    let address = format!("127.0.0.1:{}", apache.port);
    let port = port::free()?;
    let pem = bundle(scratch, "front", &wide)?;
    let sections = |server: &str| {
        format!(
            "frontend front
  bind 127.0.0.1:{port} ssl crt {}
  default_backend back
backend back
  {server}",
            pem.display(),
        )
    };
    let fixed = format!("server apache {address} ssl verify none sni str({A})");
    let mut haproxy = Haproxy::start(scratch, port, &sections(&fixed))?;
    let agent = start_agent(setting)?;
    let watch = Watch::new(&agent)?;
    let visits = [Visit::new(Some(B), B, "/")];
    let mut truths = curl::visit(scratch, port, Version::Http1, &visits)?;
    answered(&truths, &[421])?;
    let rows = [row(Some(B), B, 421, "relayed_421", Some("not_retried"))];
    watch.demand(Side::client(port), &rows)?;
    watch.demand(Side::server(port), &rows)?;
    let rows = [row(Some(A), B, 421, "split_421", Some("not_observable"))];
    watch.demand(Side::client(apache.port), &rows)?;
    let accepted = watch.demand(Side::server(apache.port), &rows)?;
    let explanation = watch.explain(&accepted[0])?;
    explanation.says("it dialled one name and asked for another")?;
    let [line] = explanation.lines("haproxy", "client")? else {
        bail!("more than one line: {explanation:?}");
    };

    // The line that was told, with what it leaves open filled in.
    let line = line
        .replace("SERVER", "apache")
        .replace("ADDRESS:443", &address)
        .replace("CA-FILE", &trusted.display().to_string());
    haproxy.restart(&sections(&line))?;
    let watch = Watch::new(&agent)?;
    let cured = curl::visit(scratch, port, Version::Http1, &visits)?;
    answered(&cured, &[200])?;
    let ok = [row(Some(B), B, 200, "ok", None)];
    for port in [port, apache.port] {
        watch.demand(Side::client(port), &ok)?;
        watch.demand(Side::server(port), &ok)?;
    }
    truths.extend(cured);
    demand(&agent, &[port], &truths)
}
