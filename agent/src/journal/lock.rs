//! One directory, one agent.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The file that is locked.
const NAME: &str = "lock";

/// Why a directory cannot hold the journal.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another agent writes there.
    #[error(
        "journal directory {} is in use by another agent{}; stop it or choose another with --journal",
        directory.display(),
        pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The directory.
        directory: PathBuf,
        /// The process, as it calls itself.
        pid: Option<u32>,
    },
    /// The file system refuses.
    #[error("cannot keep a journal in {}: {cause}; choose another directory with --journal", path.display())]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// What failed.
        cause: io::Error,
    },
}

/// The right to write into a directory. Whatever ends the process gives it back.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Makes the directory if need be, and takes it.
    pub(super) fn take(directory: &Path) -> Result<Self, OpenError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(directory)
            .map_err(refused(directory))?;
        let path = directory.join(NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(&path)
            .map_err(refused(&path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                // Who it is, is a courtesy.
                let _ = file.take(16).read_to_string(&mut pid);
                return Err(OpenError::InUse {
                    directory: directory.to_owned(),
                    pid: pid.trim().parse().ok(),
                });
            }
            Err(error) => return Err(refused(&path)(error.into())),
        }
        // On a full disk the lock is as good without a name in it.
        let _ = file
            .set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

/// Names what was refused.
pub(super) fn refused(path: &Path) -> impl FnOnce(io::Error) -> OpenError + use<> {
    let path = path.to_owned();
    move |cause| OpenError::Io { path, cause }
}
