//! An application compares Host with its name letter by letter, and forgets that a port may stand there (contour#2568,
//! gardener#15332).

use anyhow::Result;
use serde_json::json;

use super::A;
use super::expect::{Side, Watch, answered, row};
use crate::kernel_test::Setting;
use crate::kernel_test::world::{demand, start_agent, wildcard};
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::{configured, port};

pub(super) fn play(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let certificate = wildcard(scratch)?;
    let port = port::free()?;
    let options = json!({
        "port": port,
        "allowed": [A],
        "certificate": [certificate.certificate, certificate.key],
    });
    let _application = configured::node(scratch, port, super::APPLICATION, &options)?;
    let agent = start_agent(setting)?;
    let watch = Watch::new(&agent)?;
    let spellings = [
        A.to_owned(),
        format!("{A}:{port}"),
        format!("{A}."),
        A.to_uppercase(),
    ];
    let visits = spellings.map(|authority| Visit::new(Some(A), &authority, "/"));
    let mut truths = curl::visit(scratch, port, Version::Http1, &visits)?;
    answered(&truths, &[200, 421, 421, 421])?;
    for truth in &mut truths {
        A.clone_into(&mut truth.authority);
    }
    let mut rows = vec![row(Some(A), A, 200, "ok", None)];
    // curl goes on asking for the same name, on the same connection.
    rows.extend([row(Some(A), A, 421, "false_421", Some("same_connection_retry")); 2]);
    rows.push(row(Some(A), A, 421, "false_421", Some("not_retried")));
    watch.demand(Side::client(port), &rows)?;
    let accepted = watch.demand(Side::server(port), &rows)?;
    watch.cause("false_421", "server", "node")?.counts(3, 1, &[A])?;
    for (exchange, difference) in accepted[1..]
        .iter()
        .zip(["port", "trailing dot", "upper-case letters"])
    {
        let explanation = watch.explain(exchange)?;
        explanation.says(&format!("{difference} of it must not count"))?;
        explanation.says("split off the port, drop one trailing dot, and put it in lower case")?;
    }
    demand(&agent, &[port], &truths)
}
