//! nginx, as [`crate::rig::nginx`] runs it.

use anyhow::Result;

use super::{Server, Site};
use crate::rig::nginx::{Nginx, Options};

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    let options = Options {
        certificates: &[site.first.clone(), site.second.clone()],
        workers: 2,
        upgrade_to: None,
        cpu: None,
    };
    let nginx = Nginx::start(site.scratch, options)?;
    Ok(site.server(nginx.process, nginx.port))
}
