//! The TLS libraries that the system ships, so that they can be watched before a process maps them.

use std::fs;
use std::path::{Path, PathBuf};

/// Where distributions put shared libraries.
const DIRECTORIES: [&str; 10] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib64",
    "/usr/local/lib",
    "/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/lib64",
    "/lib",
];

/// The `libssl.so.*` files in the usual directories below `root`, as seen from there, in a stable order.
/// Links are listed like files: one file may have several names.
pub fn standard_libraries(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in DIRECTORIES.map(Path::new) {
        let Ok(entries) = fs::read_dir(below(root, directory)) else {
            continue;
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        let libraries = names.filter(|name| name.to_string_lossy().starts_with("libssl.so."));
        found.extend(libraries.map(|name| directory.join(name)));
    }
    found.sort();
    found
}

/// Where the machine's own files are. In a container they are behind its first process.
pub fn machine_root() -> &'static Path {
    let host = Path::new("/proc/1/root");
    if standard_libraries(host).is_empty() {
        Path::new("/")
    } else {
        host
    }
}

/// The place of an absolute path inside another root directory.
pub(crate) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_listed_as_seen_from_the_root() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("usr/lib64");
        fs::create_dir_all(&directory).unwrap();
        for name in ["libssl.so.3", "libssl.so.1.1", "libssl3.so", "libcrypto.so.3"] {
            fs::write(directory.join(name), b"").unwrap();
        }
        assert_eq!(
            standard_libraries(root.path()),
            [
                PathBuf::from("/usr/lib64/libssl.so.1.1"),
                PathBuf::from("/usr/lib64/libssl.so.3")
            ]
        );
    }

    #[test]
    fn a_system_without_any_has_none() {
        let root = tempfile::tempdir().unwrap();
        assert!(standard_libraries(root.path()).is_empty());
    }
}
