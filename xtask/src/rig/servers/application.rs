//! The application that Python's servers run.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::Site;

const APPLICATION: &str = include_str!("application.py");

/// Python, about to run a module in the directory that has the application in `application.py`.
pub(super) fn command(site: &Site<'_>, module: &str) -> Result<Command> {
    let directory: PathBuf = site.directory()?;
    std::fs::write(directory.join("application.py"), APPLICATION)?;
    let mut command = Command::new(site.python()?.interpreter());
    command
        .args(["-m", module])
        .current_dir(directory)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}
