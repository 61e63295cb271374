//! Reaching the file behind a mapping, whatever its path means elsewhere.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::maps::Mapping;
use crate::target::libraries::below;
use crate::target::{FileId, Reached};

/// A file in one state: any change of its contents changes this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileKey {
    /// Which file.
    pub(super) id: FileId,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// A file that was found but not opened.
#[derive(Clone, Debug)]
pub(super) struct Located {
    /// Where to open it.
    path: PathBuf,
    /// Which file it is.
    pub(super) key: FileKey,
    /// How it was reached.
    pub(super) reached: Reached,
}

impl Located {
    /// The file of a mapping, through the mapping's own link: that works for deleted files and in any mount
    /// namespace, but needs `CAP_SYS_ADMIN` or `CAP_CHECKPOINT_RESTORE`. Without, through the process's
    /// root directory, if the same inode is still there.
    pub(super) fn mapped(process: &Path, mapping: &Mapping) -> io::Result<Self> {
        let link = process.join("map_files").join(mapping.link());
        let refusal = match Self::at(link, Reached::Mapping) {
            Ok(located) => return Ok(located),
            Err(error) => error,
        };
        let path = below(&process.join("root"), &mapping.path);
        let located = Self::at(path, Reached::Path(refusal.to_string()))?;
        if located.key.id.ino != mapping.inode {
            return Err(io::Error::new(
                refusal.kind(),
                format!("the mapping cannot be opened ({refusal}) and another file has its path now"),
            ));
        }
        Ok(located)
    }

    /// The regular file at a path.
    pub(super) fn at(path: PathBuf, reached: Reached) -> io::Result<Self> {
        let key = key(&path.metadata()?)?;
        Ok(Self { path, key, reached })
    }

    /// Opens it, unless something else took its place.
    pub(super) fn open(&self) -> io::Result<Arc<File>> {
        // A path of a foreign process may name a FIFO by now: never wait for its other end.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(&self.path)?;
        // Should it have changed since, what is read is what it became, and the next look finds that it has another key.
        if key(&file.metadata()?)?.id != self.key.id {
            return Err(io::Error::other(
                "another file took its place while it was opened",
            ));
        }
        Ok(Arc::new(file))
    }
}

fn key(metadata: &std::fs::Metadata) -> io::Result<FileKey> {
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(FileKey {
        id: FileId {
            dev: metadata.dev(),
            ino: metadata.ino(),
        },
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}
