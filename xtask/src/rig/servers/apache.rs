//! Apache, as [`crate::rig::apache`] runs it: names with another certificate are answered 421.

use anyhow::Result;

use super::{Server, Site};
use crate::rig::apache::{self, Apache};

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    let sites = [&site.first, &site.second].map(|certificate| apache::Site {
        name: &certificate.names[0],
        certificate,
        ciphers: None,
    });
    let apache = Apache::start(site.scratch, &sites)?;
    Ok(site.server(apache.process, apache.port))
}
