//! Libraries and programs that the operator wants left alone.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::target::{FileId, Target, below};

/// The files that get no probes.
#[derive(Debug, Default)]
pub(super) struct Exclusion {
    /// Where the machine's own files are.
    root: PathBuf,
    names: Vec<PathBuf>,
}

impl Exclusion {
    /// The files of these names, in whatever container; and, below `root`, the machine's own files of these names,
    /// whatever else they are called.
    pub(super) fn new(root: &Path, names: Vec<PathBuf>) -> Self {
        let exclusion = Self {
            root: root.to_owned(),
            names,
        };
        for name in exclusion.names.iter().filter(|name| exclusion.id(name).is_none()) {
            tracing::warn!(
                file = %name.display(),
                "this machine has no file of that name to exclude: only processes that see one under it are left alone"
            );
        }
        exclusion
    }

    /// Whether a target is one of them. One file may have several names, and another may take its place: so it is looked
    /// at anew each time.
    pub(super) fn holds(&self, target: &Target) -> bool {
        self.is_one(&target.path, target.id)
    }

    fn is_one(&self, path: &Path, id: FileId) -> bool {
        self.names
            .iter()
            .any(|name| name == path || self.id(name) == Some(id))
    }

    fn id(&self, name: &Path) -> Option<FileId> {
        let metadata = below(&self.root, name).metadata().ok()?;
        Some(FileId {
            dev: metadata.dev(),
            ino: metadata.ino(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_excluded_by_its_name_and_by_its_other_names() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("usr/lib");
        fs::create_dir_all(&directory).unwrap();
        symlink("usr/lib", root.path().join("lib")).unwrap();
        for name in ["libssl.so.3", "libother.so"] {
            fs::write(directory.join(name), b"").unwrap();
        }
        let exclusion = Exclusion::new(root.path(), vec!["/usr/lib/libssl.so.3".into()]);
        let id = |name: &str| exclusion.id(Path::new(name)).unwrap();
        let other = id("/usr/lib/libother.so");
        assert!(exclusion.is_one(Path::new("/lib/libssl.so.3"), id("/usr/lib/libssl.so.3")));
        assert!(
            exclusion.is_one(Path::new("/usr/lib/libssl.so.3"), other),
            "in a container"
        );
        assert!(!exclusion.is_one(Path::new("/usr/lib/libother.so"), other));
    }

    #[test]
    fn nothing_is_excluded_by_default() {
        let id = FileId { dev: 1, ino: 2 };
        assert!(!Exclusion::default().is_one(Path::new("/usr/lib/libssl.so.3"), id));
    }
}
