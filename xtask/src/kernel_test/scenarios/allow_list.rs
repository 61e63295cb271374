//! An application in clear text answers 421 to Hosts that are not on its list, and a program in front of it ends TLS and
//! passes that on (python-sdk#1798, fastmcp#4468, mcp-server#91).

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::A;
use super::expect::{Side, Watch, answered, row};
use crate::kernel_test::Setting;
use crate::kernel_test::world::{demand, start_agent, wildcard};
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::configured::{self, Haproxy, bundle};
use crate::rig::port;
use crate::rig::process::output_of;

pub(super) fn play(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let certificate = wildcard(scratch)?;
    let (port, behind) = (port::free()?, port::free()?);
    let options = json!({"port": behind, "allowed": [format!("localhost:{behind}")]});
    let _application = configured::node(scratch, behind, super::APPLICATION, &options)?;
    let sections = format!(
        "frontend front
  bind 127.0.0.1:{port} ssl alpn h2,http/1.1 crt {}
  default_backend back
backend back
  server application 127.0.0.1:{behind}",
        bundle(scratch, "front", &certificate)?.display()
    );
    let _haproxy = Haproxy::start(scratch, port, &sections)?;
    let agent = start_agent(setting)?;
    let watch = Watch::new(&agent)?;
    let truths = curl::visit(scratch, port, Version::Http1, &[Visit::new(Some(A), A, "/")])?;
    answered(&truths, &[421])?;

    // What the client got is wrong, whoever wrote it.
    let rows = [row(Some(A), A, 421, "false_421", Some("not_retried"))];
    watch.demand(Side::client(port), &rows)?;
    let accepted = watch.demand(Side::server(port), &rows)?;
    watch
        .cause("false_421", "server", "haproxy")?
        .counts(1, 1, &[A])?;
    let explanation = watch.explain(&accepted[0])?;
    explanation.says("an application behind this server")?;
    explanation.says("add \"a.shop.example\" to its list of allowed hosts")?;

    // The hop behind it, by its facts.
    let facts = json!({
        "tls": false,
        "authority": null,
        "host": [A],
        "protocol": "http/1.1",
        "status": 421,
    });
    let path = scratch.write("facts.json", facts.to_string())?;
    let answer = output_of(Command::new(&setting.binary).arg("judge").arg(path))?;
    let answer: Value = serde_json::from_str(&answer).with_context(|| format!("no answer: {answer}"))?;
    ensure!(
        answer["verdict"] == "cleartext_421" && answer["class"] == "undecided",
        "the hop behind is called {answer}"
    );
    demand(&agent, &[port], &truths)
}
