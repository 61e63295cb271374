//! Appends to the newest file, begins another when it is full or old, and deletes the oldest.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::appender::{Appender, Batch};
use super::files::{self, Found};
use super::lock::{Lock, OpenError, refused};

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of a file, after which another is begun.
    pub max_file_bytes: u64,
    /// Age of a file, after which another is begun.
    pub max_file_age: Duration,
    /// How long a file is kept after the last line was written to it.
    pub max_age: Duration,
    /// Bytes of all files together; at least twice [`Self::max_file_bytes`] makes sense.
    pub max_total_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            max_file_bytes: 16 * MIB,
            max_file_age: Duration::from_hours(24),
            max_age: Duration::from_hours(7 * 24),
            max_total_bytes: 256 * MIB,
        }
    }
}

/// A directory that this process alone writes to.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    settings: Settings,
    current: Option<Current>,
    next_sequence: u64,
    _lock: Lock,
}

/// The file that is appended to.
#[derive(Debug)]
struct Current {
    appender: Appender<File>,
    begun: SystemTime,
}

/// What became of a [`Batch`].
#[derive(Debug)]
pub struct Appended {
    /// How many of its lines, from the first on, are written.
    pub written: usize,
    /// What kept the others, if there are any; sometimes also what went wrong around lines that are written.
    pub error: Option<io::Error>,
}

impl Journal {
    /// Takes the directory, and goes on where the last agent stopped.
    ///
    /// # Errors
    /// If another agent writes there, or the directory cannot be used.
    pub fn open(directory: &Path, settings: Settings) -> Result<Self, OpenError> {
        let lock = Lock::take(directory)?;
        let found = files::list(directory).map_err(refused(directory))?;
        let newest = found.last();
        let current = newest
            .map(|newest| Current::reopen(newest).map_err(refused(&newest.path)))
            .transpose()?;
        let mut journal = Self {
            directory: directory.to_owned(),
            settings,
            current,
            next_sequence: newest.map_or(1, |newest| newest.sequence.saturating_add(1)),
            _lock: lock,
        };
        if journal.current.is_none() {
            // Now rather than with the first line: whether that is possible is for the operator to know.
            match journal.begin(SystemTime::now()) {
                Err(error) if !is_full(&error) => return Err(refused(directory)(error)),
                _ => {}
            }
        }
        Ok(journal)
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Appends lines. What cannot be written is for the caller to count: it is not tried again.
    pub fn append(&mut self, batch: &Batch, now: SystemTime) -> Appended {
        match self.current_for(batch.size() as u64, now) {
            Ok(current) => {
                let (written, error) = current.appender.append(batch);
                Appended { written, error }
            }
            Err(error) => Appended {
                written: 0,
                error: Some(error),
            },
        }
    }

    /// Deletes what is too old, and closes a file that is. To be called now and then.
    ///
    /// # Errors
    /// Returns the first thing that failed; the rest is done.
    pub fn maintain(&mut self, now: SystemTime) -> io::Result<()> {
        let closed = match &self.current {
            Some(current) if current.is_old(&self.settings, now) && current.appender.size() > 0 => self.end(),
            _ => Ok(()),
        };
        closed.and(self.prune(now))
    }

    /// Makes sure that everything is on the disk.
    ///
    /// # Errors
    /// If it is not.
    pub fn close(mut self) -> io::Result<()> {
        self.end()
    }

    /// The file to append so many bytes to.
    fn current_for(&mut self, size: u64, now: SystemTime) -> io::Result<&mut Current> {
        let usable = self.current.as_ref().is_some_and(|current| {
            let fits = current.appender.size() == 0
                || current.appender.size().saturating_add(size) <= self.settings.max_file_bytes;
            fits && !current.is_old(&self.settings, now) && current.is_there()
        });
        if usable && self.current.is_some() {
            return self.current.as_mut().ok_or_else(|| ErrorKind::NotFound.into());
        }
        if let Err(error) = self.end() {
            // Its lines were written, and may be on the disk or not; the next file is another matter.
            tracing::debug!(%error, "a file of the journal was not synced");
        }
        if let Err(error) = self.prune(now) {
            tracing::debug!(%error, "an old file of the journal was not deleted");
        }
        self.begin(now)
    }

    /// Begins another file.
    fn begin(&mut self, now: SystemTime) -> io::Result<&mut Current> {
        let path = self.directory.join(files::name(now, self.next_sequence));
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o640)
            .open(&path)?;
        self.next_sequence = self.next_sequence.saturating_add(1);
        // So that the name outlives a power cut, too.
        File::open(&self.directory)?.sync_all()?;
        Ok(self.current.insert(Current {
            appender: Appender::new(file, 0, false),
            begun: now,
        }))
    }

    /// Ends the current file.
    fn end(&mut self) -> io::Result<()> {
        self.current
            .take()
            .map_or(Ok(()), |current| current.appender.file().sync_all())
    }

    /// Deletes files that are too old, and then the oldest until there is room for a whole one.
    fn prune(&self, now: SystemTime) -> io::Result<()> {
        let mut found = files::list(&self.directory)?;
        if self.current.is_some() {
            found.pop();
        }
        let Settings {
            max_age,
            max_total_bytes,
            max_file_bytes,
            ..
        } = self.settings;
        let mut total: u64 = found.iter().map(|file| file.size).sum();
        let allowed = max_total_bytes.saturating_sub(max_file_bytes);
        let mut result = Ok(());
        for file in found {
            // A file from the future is no older than now.
            let age = now.duration_since(file.written).unwrap_or_default();
            if age > max_age || total > allowed {
                total = total.saturating_sub(file.size);
                let removed = match fs::remove_file(&file.path) {
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                    other => other,
                };
                result = result.and(removed);
            }
        }
        result
    }
}

impl Current {
    /// The newest file of an earlier run. Its last line may be torn.
    fn reopen(found: &Found) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).open(&found.path)?;
        let size = file.metadata()?.len();
        let mut last = [b'\n'];
        if size > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        Ok(Self {
            appender: Appender::new(file, size, last != [b'\n']),
            begun: found.begun,
        })
    }

    fn is_old(&self, settings: &Settings, now: SystemTime) -> bool {
        now.duration_since(self.begun)
            .is_ok_and(|age| age >= settings.max_file_age)
    }

    /// Whether it still has a name: somebody may have tidied up.
    fn is_there(&self) -> bool {
        self.appender
            .file()
            .metadata()
            .is_ok_and(|metadata| metadata.nlink() > 0)
    }
}

/// Whether there is no room, rather than something wrong.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
