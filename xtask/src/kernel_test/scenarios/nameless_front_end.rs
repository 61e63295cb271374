//! The wave of July 2025: Apache compares the default virtual host with the one asked for where no server name was
//! sent, and nginx in front of it sends none (hestiacp#5057, #5058; engintron#1506; NginxProxyManager#4683).

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use super::expect::{Side, Watch, answered, row, wrote};
use super::front::Front;
use super::{A, B};
use crate::kernel_test::Setting;
use crate::kernel_test::world::{demand, wildcard};
use crate::rig::agent::{Agent, Start};
use crate::rig::apache::{Answered, Apache, Site};
use crate::rig::certificate::Authority;
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::configured::Nginx;
use crate::rig::port;
use crate::rig::truth::Truth;

pub(super) fn play(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let authority = Authority::new()?;
    let default = authority.certify(scratch, "default", &["default.example"], false)?;
    let first = authority.certify(scratch, "a", &[A], false)?;
    let second = authority.certify(scratch, "b", &[B], false)?;
    let sites = [("default.example", &default), (A, &first), (B, &second)].map(|(name, certificate)| Site {
        name,
        certificate,
        ciphers: None,
    });
    let apache = Apache::start(scratch, &sites)?;
    let wide = wildcard(scratch)?;
    let front = Front {
        port: port::free()?,
        certificate: &wide,
        outside: "",
        upstream: &format!("127.0.0.1:{}", apache.port),
        location: &[],
    };
    let mut nginx = Nginx::start(scratch, front.port, &front.text())?;
    let agent = alerting_agent(setting)?;

    // The wave.
    let watch = Watch::new(&agent)?;
    let mut truths = visit(setting, front.port)?;
    answered(&truths, &[421, 421])?;
    let relayed = [A, B].map(|name| row(Some(name), name, 421, "relayed_421", Some("not_retried")));
    watch.demand(Side::client(front.port), &relayed)?;
    watch.demand(Side::server(front.port), &relayed)?;
    let nameless = [A, B].map(|name| row(None, name, 421, "no_sni_421", Some("not_observable")));
    let dialled = watch.demand(Side::client(apache.port), &nameless)?;
    let accepted = watch.demand(Side::server(apache.port), &nameless)?;
    wrote(|| apache.answered(), &[A, B].map(|host| written(None, host, 421)))?;
    ensure!(
        accepted[1].learned == ["proxy_client"],
        "learned: {:?}",
        accepted[1].learned
    );
    let cause = watch.cause("no_sni_421", "server", "apache2")?;
    cause.counts(2, 1, &[A, B])?;
    ensure!(cause.is_with("nginx"), "the front end is not told: {cause:?}");
    watch
        .cause("no_sni_421", "client", "nginx")?
        .counts(2, 1, &[A, B])?;
    watch
        .cause("relayed_421", "server", "nginx")?
        .counts(2, 2, &[A, B])?;
    let firing = alert(&agent, "firing")?;
    ensure!(
        firing["labels"]["server"] == "apache2"
            && firing["labels"]["client"] == "nginx"
            && firing["count"] == 2,
        "the alert names others: {firing}"
    );
    let explanation = watch.explain(&accepted[1])?;
    explanation.says("the proxy or load balancer that connects here")?;
    explanation.lines("apache", "server")?;
    let lines = explanation.lines("nginx", "client")?;
    ensure!(
        watch.explain(&dialled[1])?.lines("nginx", "client")? == lines,
        "nginx's end is told other lines than Apache's"
    );

    // The very lines that were told end it.
    nginx.reload(
        &Front {
            location: lines,
            ..front
        }
        .text(),
    )?;
    let watch = Watch::new(&agent)?;
    let cured = visit(setting, front.port)?;
    answered(&cured, &[200, 200])?;
    let ok = [A, B].map(|name| row(Some(name), name, 200, "ok", None));
    for port in [front.port, apache.port] {
        watch.demand(Side::client(port), &ok)?;
        watch.demand(Side::server(port), &ok)?;
    }
    let resolved = alert(&agent, "resolved")?;
    ensure!(resolved["id"] == firing["id"], "another alert: {resolved}");
    truths.extend(cured);
    demand(&agent, &[front.port], &truths)
}

/// An agent whose policy alerts at two 421s of connections without a name within five seconds.
fn alerting_agent(setting: &Setting) -> Result<Agent> {
    let policy = setting.scratch.path().join("policy.toml");
    std::fs::write(&policy, POLICY)?;
    let arguments = ["--config".into(), policy.into_os_string()];
    match Agent::start_with(&setting.binary, &setting.scratch, &arguments)? {
        Start::Ready(agent) => Ok(agent),
        Start::Unsupported(reason) => bail!("the agent cannot observe here: {reason}"),
    }
}

const RULE: &str = "front-end-without-a-name";
const POLICY: &str = r#"
[[alert]]
name = "front-end-without-a-name"
verdicts = ["no_sni_421"]
threshold = 2
window = "5s"
per = ["server", "client"]
"#;

/// Waits until the alert is in this state, and returns it.
fn alert(agent: &Agent, state: &str) -> Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = agent.inspect("alerts")?;
        for line in told.lines() {
            let alert: Value = serde_json::from_str(line)?;
            if alert["rule"] == RULE && alert["state"] == state {
                return Ok(alert);
            }
        }
        ensure!(Instant::now() < deadline, "the alert is not {state}: {told}");
        sleep(POLL);
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(200);

/// Two names, each from a connection of its own.
fn visit(setting: &Setting, port: u16) -> Result<Vec<Truth>> {
    let visits = [A, B].map(|name| Visit::new(Some(name), name, "/"));
    let mut truths = Vec::new();
    for visit in visits {
        truths.extend(curl::visit(&setting.scratch, port, Version::Http1, &[visit])?);
    }
    Ok(truths)
}

fn written(sni: Option<&str>, host: &str, status: u16) -> Answered {
    Answered {
        sni: sni.map(str::to_owned),
        host: host.to_owned(),
        status,
    }
}
