//! Short connections through a proxy while the agent is killed and started anew: whatever is said of them has
//! to be so, and of those that no restart touched, everything.

mod judge;
mod load;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

pub use self::judge::Judgement;
pub use self::run::{Size, run_with};

use crate::progress::Progress;
use crate::rig::scratch::Scratch;
use crate::rig::servers::proxy::Proxy;
use crate::{build, matrix, setup};

/// What `cargo xtask churn` drives through each proxy.
const FULL: Size = Size {
    connections: 20_000,
    kills: 5,
};

/// Runs it at full size. Success means that nothing was attributed wrongly, and enough completely.
///
/// # Errors
///
/// When servers, clients or the agent cannot be run.
pub fn run() -> Result<ExitCode> {
    setup::run()?;
    setup::require_packages(&matrix::packages())?;
    let binary: PathBuf = build::agent()?;
    let progress = Progress::new();
    let mut sound = true;
    for proxy in [Proxy::Nginx, Proxy::Haproxy] {
        progress.step(format!(
            "{} connections through {}, the agent killed {} times",
            FULL.connections,
            proxy.name(),
            FULL.kills
        ));
        let scratch = Scratch::new("churn")?;
        let judgement = run_with(&binary, &scratch, proxy, FULL)?;
        progress.say(&format!("{}: {judgement}", proxy.name()));
        for complaint in &judgement.complaints {
            progress.say(&format!("  {complaint}"));
        }
        sound &= judgement.is_sound();
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
