//! The agent is killed and started anew under a load of short connections through a proxy, as in
//! `cargo xtask churn`, but for less long.

use anyhow::{Result, ensure};

use super::{Case, Setting};
use crate::churn::{Size, run_with};
use crate::rig::servers::proxy::Proxy;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "restart::in_mid_load_through_nginx",
        observes: true,
        run: |setting| restart(setting, Proxy::Nginx),
    },
    Case {
        name: "restart::in_mid_load_through_haproxy",
        observes: true,
        run: |setting| restart(setting, Proxy::Haproxy),
    },
];

const SIZE: Size = Size {
    connections: 750,
    kills: 1,
};

fn restart(setting: &Setting, proxy: Proxy) -> Result<String> {
    let judgement = run_with(&setting.binary, &setting.scratch, proxy, SIZE)?;
    ensure!(
        judgement.is_sound(),
        "{judgement}\n    {}",
        judgement.complaints.join("\n    ")
    );
    Ok(judgement.to_string())
}
