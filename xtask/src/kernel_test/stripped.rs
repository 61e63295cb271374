//! Programs with a TLS library inside whose functions have no names: Envoy has BoringSSL, nginx OpenSSL.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::world::start_agent;
use super::{Case, Setting, programs};
use crate::endurance::{Size, endure};
use crate::matrix;
use crate::rig::clients::node;
use crate::rig::python::Python;
use crate::rig::servers::{PROGRAMS, Server};
use crate::rig::tls::Tls;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "stripped::tls_1_2",
        observes: true,
        run: tls_1_2,
    },
    Case {
        name: "stripped::endurance",
        observes: true,
        run: endurance,
    },
];

/// Of load on each program; `cargo xtask endurance` does more.
const LOAD: Size = Size {
    duration: Duration::from_secs(10),
    rate: 50,
};

/// Handshake and reading go other ways than with TLS 1.3, with which `programs::matrix` watches the same.
fn tls_1_2(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let python = Python::ready()?;
    let servers = start(setting, Tls::AtMost12)?;
    let _node = node::idle(scratch)?;
    let agent = start_agent(setting)?;
    let lost_before = matrix::warm_up(&agent, &servers, scratch)?;
    let ledger = matrix::watch(
        &agent,
        &servers,
        scratch,
        &python,
        matrix::Size { rounds: 1 },
        |_| {},
    )?;
    programs::demand(&agent, &lost_before, &ledger, [])
}

/// Kept connections and new ones all the time: nothing fails, is missed, lost or told wrongly.
fn endurance(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let servers = start(setting, Tls::Usual)?;
    let _node = node::idle(scratch)?;
    let agent = start_agent(setting)?;
    matrix::warm_up(&agent, &servers, scratch)?;
    let mut shown = Vec::new();
    for server in &servers {
        let outcome = endure(&agent, server, scratch, LOAD, |_| {})?;
        ensure!(outcome.is_sound(), "{outcome}");
        shown.push(outcome.summary());
    }
    Ok(shown.join("\n    "))
}

/// Every stripped program.
fn start(setting: &Setting, tls: Tls) -> Result<Vec<Server>> {
    let python = Python::ready()?;
    let stripped = PROGRAMS.iter().filter(|program| program.stripped);
    stripped
        .map(|program| program.start_with(&setting.scratch, &python, tls))
        .collect()
}
