//! nginx sends the right server name upstream, and keeps one pool of connections for all names, by address: what was
//! dialled for one is used for another (anubis#1508, #1750; Kong#4001).

use std::iter::repeat_n;

use anyhow::Result;

use super::expect::{Row, Side, Watch, answered, row};
use super::front::Front;
use super::{A, B};
use crate::kernel_test::Setting;
use crate::kernel_test::world::{demand, start_agent, wildcard};
use crate::rig::apache::{Apache, Site};
use crate::rig::certificate::Authority;
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::configured::Nginx;
use crate::rig::port;

/// How its users configure it, the pool apart.
const LOCATION: [&str; 2] = ["proxy_ssl_server_name on;", "proxy_ssl_name $host;"];

pub(super) fn play(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let authority = Authority::new()?;
    let first = authority.certify(scratch, "a", &[A], false)?;
    let second = authority.certify(scratch, "b", &[B], false)?;
    let sites = [(A, &first), (B, &second)].map(|(name, certificate)| Site {
        name,
        certificate,
        ciphers: None,
    });
    let apache = Apache::start(scratch, &sites)?;
    let address = format!("127.0.0.1:{}", apache.port);
    let wide = wildcard(scratch)?;
    let front = Front {
        port: port::free()?,
        certificate: &wide,
        outside: &format!("upstream pool {{ server {address}; keepalive 4; }}"),
        upstream: "pool",
        location: &LOCATION.map(str::to_owned),
    };
    let mut nginx = Nginx::start(scratch, front.port, &front.text())?;
    let agent = start_agent(setting)?;
    let visits = [A, B, A].map(|name| Visit::new(Some(name), name, "/"));

    let watch = Watch::new(&agent)?;
    let mut truths = curl::visit(scratch, front.port, Version::Http1, &visits)?;
    answered(&truths, &[200, 421, 200])?;
    let before = [
        row(Some(A), A, 200, "ok", None),
        row(Some(B), B, 421, "relayed_421", Some("not_retried")),
        row(Some(A), A, 200, "ok", None),
    ];
    watch.demand(Side::client(front.port), &before)?;
    watch.demand(Side::server(front.port), &before)?;
    let behind = [
        row(Some(A), A, 200, "ok", None),
        row(Some(A), B, 421, "pool_bleed_421", Some("not_observable")),
        row(Some(A), A, 200, "ok", None),
    ];
    let lost = nginx.unanswered()?;
    watch.demand(Side::client(apache.port), &sent_again(behind, lost))?;
    let accepted = watch.demand(Side::server(apache.port), &behind)?;
    watch
        .cause("pool_bleed_421", "server", "apache2")?
        .counts(1, 1, &[B])?;
    let explanation = watch.explain(&accepted[1])?;
    explanation.says("an HTTP/1.x connection pool that is not keyed by SNI")?;
    // Whether it was the first request, and whether the session was new, is what nobody could say in haproxy#3133.
    explanation.fact("request on its connection", "2")?;
    explanation.fact("session resumed", "no")?;
    let lines = explanation.lines("nginx", "client")?;

    // The lines that were told, with the names that they leave open filled in, end it.
    let lines: Vec<String> = lines
        .iter()
        .map(|line| line.replace("SHARED", "pool").replace("ADDRESS:443", &address))
        .collect();
    let (location, outside): (Vec<String>, Vec<String>) =
        lines.into_iter().partition(|line| line.starts_with("proxy_"));
    let cured = Front {
        outside: &outside.join("\n"),
        location: &location,
        ..front
    };
    nginx.reload(&cured.text())?;
    let watch = Watch::new(&agent)?;
    let cured = curl::visit(scratch, front.port, Version::Http1, &visits)?;
    answered(&cured, &[200; 3])?;
    let ok = [A, B, A].map(|name| row(Some(name), name, 200, "ok", None));
    let lost = nginx.unanswered()? - lost;
    for (port, asked) in [(front.port, ok.to_vec()), (apache.port, sent_again(ok, lost))] {
        watch.demand(Side::client(port), &asked)?;
        watch.demand(Side::server(port), &ok)?;
    }
    truths.extend(cured);
    demand(&agent, &[front.port], &truths)
}

/// What nginx asks, if the last of three requests was sent in vain on so many connections of the pool. Apache closes a
/// connection of HTTP/1.1 after each 421 without saying so in its head; nginx mostly sees that before it asks for more.
fn sent_again(asked: [Row<'_>; 3], lost: usize) -> Vec<Row<'_>> {
    let [first, second, third] = asked;
    let in_vain = row(third.sni, third.authority, 0, "aborted", None);
    [first, second]
        .into_iter()
        .chain(repeat_n(in_vain, lost))
        .chain([third])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::expect::class;
    use super::*;

    /// Nginx hardly ever loses against Apache in the case itself.
    #[test]
    fn what_was_asked_in_vain_stands_before_what_was_answered() {
        let asked = [A, B, A].map(|name| row(Some(name), name, 200, "ok", None));
        assert_eq!(sent_again(asked, 0), asked);
        let again = sent_again(asked, 2);
        let seen: Vec<_> = again
            .iter()
            .map(|row| (row.authority, row.verdict, class(row.verdict)))
            .collect();
        let (ok, in_vain) = ((A, "ok", "fine"), (A, "aborted", "undecided"));
        assert_eq!(seen, [ok, (B, "ok", "fine"), in_vain, in_vain, ok]);
    }
}
