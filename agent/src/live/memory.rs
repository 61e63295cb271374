//! The memory of processes, read without stopping them.
//!
//! A page that is not there is brought in by whoever reads it, and a process can have pages that never come: of a file
//! system of its own that does not answer. So a thread of its own does the reading, and is left behind if it hangs.

use std::cell::{Cell, OnceCell};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::target::calibration::Memory;

/// How long one read may take. Even from a disk, pages come in a hundredth of it.
const PATIENCE: Duration = Duration::from_millis(500);
/// Threads that may be left behind: after that, nothing is read any more.
const LEFT_BEHIND: u32 = 8;

/// What reads.
pub(super) struct Reader {
    worker: Option<Worker>,
    left_behind: u32,
}

struct Worker {
    requests: Sender<Request>,
    answers: Receiver<Vec<u8>>,
}

struct Request {
    memory: Arc<File>,
    address: u64,
    length: usize,
}

impl Reader {
    pub(super) const fn new() -> Self {
        Self {
            worker: None,
            left_behind: 0,
        }
    }

    /// Lets `use_it` look at the memory of a process. All of it is unreadable if there is no such process, or if it may
    /// not be read.
    pub(super) fn with<T>(
        &mut self,
        proc_root: &Path,
        pid: u32,
        use_it: impl FnOnce(&ProcessMemory<'_>) -> T,
    ) -> T {
        if self.worker.is_none() && self.left_behind < LEFT_BEHIND {
            self.worker = Worker::start();
        }
        let memory = ProcessMemory {
            path: proc_root.join(pid.to_string()).join("mem"),
            file: OnceCell::new(),
            worker: self.worker.as_ref(),
            hangs: Cell::new(false),
        };
        let result = use_it(&memory);
        if memory.hangs.get() {
            tracing::warn!(
                pid,
                "the memory of a process cannot be read: a page of it does not come"
            );
            self.worker = None;
            self.left_behind += 1;
        }
        result
    }
}

impl Worker {
    fn start() -> Option<Self> {
        let (requests, incoming) = channel::<Request>();
        let (outgoing, answers) = channel();
        thread::Builder::new()
            .name("memory".to_owned())
            .spawn(move || {
                for request in incoming {
                    let mut bytes = vec![0; request.length];
                    let length = request.memory.read_at(&mut bytes, request.address).unwrap_or(0);
                    bytes.truncate(length);
                    if outgoing.send(bytes).is_err() {
                        return;
                    }
                }
            })
            .ok()?;
        Some(Self { requests, answers })
    }
}

/// An open `/proc/PID/mem`, opened when it is first needed. It stays that of the process even if its number is used again.
pub(super) struct ProcessMemory<'reader> {
    path: PathBuf,
    file: OnceCell<Option<Arc<File>>>,
    worker: Option<&'reader Worker>,
    /// Whether a page did not come: nothing more is asked for.
    hangs: Cell<bool>,
}

impl ProcessMemory<'_> {
    fn file(&self) -> Option<Arc<File>> {
        let open = || File::open(&self.path).ok().map(Arc::new);
        self.file.get_or_init(open).clone()
    }
}

impl Memory for ProcessMemory<'_> {
    fn read(&self, address: u64, buffer: &mut [u8]) -> usize {
        let Some(worker) = self.worker.filter(|_| !self.hangs.get()) else {
            return 0;
        };
        let Some(memory) = self.file() else { return 0 };
        let request = Request {
            memory,
            address,
            length: buffer.len(),
        };
        if worker.requests.send(request).is_err() {
            return 0;
        }
        let Ok(bytes) = worker.answers.recv_timeout(PATIENCE) else {
            self.hangs.set(true);
            return 0;
        };
        buffer[..bytes.len()].copy_from_slice(&bytes);
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROC: &str = "/proc";

    fn read(reader: &mut Reader, root: &Path, pid: u32, address: u64) -> Vec<u8> {
        let mut buffer = [0; 31];
        let length = reader.with(root, pid, |memory| memory.read(address, &mut buffer));
        buffer[..length].to_vec()
    }

    #[test]
    fn memory_that_is_mapped_is_read() {
        let text = *b"something that stands in memory";
        let (address, own) = (text.as_ptr() as u64, std::process::id());
        let mut reader = Reader::new();
        let proc = Path::new(PROC);
        for _ in 0..2 {
            assert_eq!(read(&mut reader, proc, own, address), text);
            assert!(
                read(&mut reader, proc, own, 8).is_empty(),
                "nothing is mapped there"
            );
            assert!(
                read(&mut reader, proc, 0, address).is_empty(),
                "nobody has this number"
            );
        }
    }

    #[test]
    fn memory_that_never_comes_is_left_behind() {
        let mut reader = Reader::new();
        reader.worker = Some(stuck());
        let (address, own) = (0, std::process::id());
        assert!(read(&mut reader, Path::new(PROC), own, address).is_empty());
        assert!(reader.worker.is_none());
        assert_eq!(reader.left_behind, 1);
        let text = *b"something that stands in memory";
        assert_eq!(
            read(&mut reader, Path::new(PROC), own, text.as_ptr() as u64),
            text,
            "another thread reads on"
        );
        reader.left_behind = LEFT_BEHIND;
        reader.worker = None;
        assert!(
            read(&mut reader, Path::new(PROC), own, text.as_ptr() as u64).is_empty(),
            "there have been too many"
        );
    }

    /// A worker that takes requests and never answers.
    fn stuck() -> Worker {
        let (requests, incoming) = channel();
        let (outgoing, answers) = channel::<Vec<u8>>();
        thread::spawn(move || {
            let _held = incoming.recv();
            thread::sleep(PATIENCE * 4);
            drop(outgoing);
        });
        Worker { requests, answers }
    }
}
