//! nginx, as [`crate::rig::nginx`] runs it.

use std::path::Path;

use anyhow::Result;

use super::{Server, Site};
use crate::rig::nginx::{Nginx, Options};

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    start_with(site, None)
}

/// Another program than the distribution's.
pub(super) fn start_with(site: &Site<'_>, program: Option<&Path>) -> Result<Server> {
    let certificates = [site.first.clone(), site.second.clone()];
    let options = Options {
        program,
        tls: site.tls,
        ..Options::new(&certificates)
    };
    let options = site.measured.map_or(options, |measured| Options {
        workers: 1,
        cpu: Some(measured.cpu),
        ..options
    });
    let nginx = Nginx::start(site.scratch, options)?;
    Ok(site.server(nginx.process, nginx.port))
}
