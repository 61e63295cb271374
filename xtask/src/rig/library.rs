//! The TLS library of a program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::process::output_of;

/// The libssl that a program is linked with.
///
/// # Errors
///
/// When it is linked with none.
pub fn libssl_of(program: &Path) -> Result<PathBuf> {
    let linked = output_of(Command::new("ldd").arg(program))?;
    libssl_in(&linked).with_context(|| format!("{} is linked with no libssl", program.display()))
}

/// The file that has the TLS functions of a program: the libssl that it is linked with, else itself.
pub fn with_tls(program: &Path) -> PathBuf {
    // ldd fails with programs that are linked with nothing.
    libssl_of(program).unwrap_or_else(|_| program.to_owned())
}

/// Finds the path in what ldd prints: `libssl.so.3 => /lib/x86_64-linux-gnu/libssl.so.3 (0x00007f…)`.
fn libssl_in(linked: &str) -> Option<PathBuf> {
    linked
        .lines()
        .filter_map(|line| line.split_once(" => "))
        .find(|(name, _)| name.trim().starts_with("libssl."))
        .and_then(|(_, path)| path.split(' ').next())
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_found_in_what_ldd_prints() {
        let linked = "\tlibz.so.1 => /lib/libz.so.1 (0x1)\n\tlibssl.so.3 => /lib/libssl.so.3 (0x2)\n";
        assert_eq!(libssl_in(linked), Some(PathBuf::from("/lib/libssl.so.3")));
        assert_eq!(libssl_in("\tstatically linked\n"), None);
    }
}
