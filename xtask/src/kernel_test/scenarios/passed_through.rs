//! TLS is passed through by server name, and both applications have the same wildcard certificate: over a connection
//! that a client shares, one answers for the other (keycloak#50602).

use anyhow::Result;
use serde_json::json;

use super::expect::{Side, Watch, answered, row};
use super::shared_wildcard::SHARED;
use super::{A, B};
use crate::kernel_test::Setting;
use crate::kernel_test::world::{start_agent, wildcard};
use crate::rig::clients::node;
use crate::rig::clients::scripted::{Again, Script};
use crate::rig::configured::{self, Haproxy};
use crate::rig::port;

pub(super) fn play(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let certificate = wildcard(scratch)?;
    let (front, first, second) = (port::free()?, port::free()?, port::free()?);
    let start = |port: u16, lines: &str| {
        let options = json!({"port": port, "certificate": [certificate.certificate, certificate.key]});
        configured::node(
            scratch,
            port,
            &super::SERVER.replace(super::MARK, lines),
            &options,
        )
    };
    let _first = start(first, "")?;
    let _second = start(second, "")?;
    let sections = format!(
        "frontend front
  mode tcp
  bind 127.0.0.1:{front}
  tcp-request inspect-delay 5s
  tcp-request content accept if {{ req.ssl_hello_type 1 }}
  use_backend second if {{ req.ssl_sni -i {B} }}
  default_backend first
backend first
  mode tcp
  server first 127.0.0.1:{first}
backend second
  mode tcp
  server second 127.0.0.1:{second}"
    );
    let _haproxy = Haproxy::start(scratch, front, &sections)?;
    let _node = node::idle(scratch)?;
    let agent = start_agent(setting)?;
    let watch = Watch::new(&agent)?;
    let script = Script {
        port: front,
        requests: &SHARED,
        again: Some(Again::RIGHT),
        certificate: None,
    };
    answered(&script.play(scratch)?, &[200, 200])?;
    // Nothing that can be seen tells whose answer it was: on the surface all is well.
    let rows = [
        row(Some(A), A, 200, "ok", None),
        row(Some(A), B, 200, "coalesced_ok", None),
    ];
    watch.demand(Side::client(front), &rows)?;
    watch.demand(Side::server(first), &rows)?;
    watch.demand(Side::server(second), &[])?;

    Ok("the first application answered for the second".to_owned())
}
