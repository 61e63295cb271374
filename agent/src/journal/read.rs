//! Reads a journal, whatever is in it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::{MAX_LINE, files};
use crate::export::timestamp;

/// Entries of all files, in the order in which they were written.
#[derive(Debug)]
pub struct Reader {
    files: VecDeque<PathBuf>,
    current: Option<Lines>,
    /// Older entries are left out.
    since: Option<String>,
    unreadable: u64,
}

/// Reads the journal in a directory, from this time on if one is given: nanoseconds since the Unix epoch. An agent may
/// be writing it.
///
/// # Errors
/// If the directory cannot be read. Whatever is wrong with a file or a line is counted and skipped.
pub fn read(directory: &Path, since: Option<u64>) -> io::Result<Reader> {
    let files = files::list(directory)?.into_iter().map(|file| file.path);
    Ok(Reader::of(files.collect(), since))
}

impl Reader {
    pub(super) fn of(files: VecDeque<PathBuf>, since: Option<u64>) -> Self {
        Self {
            files,
            current: None,
            since: since.map(timestamp::from_nanoseconds),
            unreadable: 0,
        }
    }

    /// Lines so far that are torn or no entries, and files that cannot be read to their end.
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }
}

impl Iterator for Reader {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let Some(lines) = &mut self.current else {
                match File::open(self.files.pop_front()?) {
                    Ok(file) => self.current = Some(Lines::new(file)),
                    Err(_) => self.unreadable += 1,
                }
                continue;
            };
            match lines.next() {
                Ok(Line::Entry(entry)) => {
                    // Times of one form compare as text.
                    if self.since.as_ref().is_none_or(|since| entry.time >= *since) {
                        return Some(*entry);
                    }
                }
                Ok(Line::Unreadable) => self.unreadable += 1,
                Ok(Line::Empty) => {}
                Ok(Line::End) => self.current = None,
                Err(_) => {
                    self.unreadable += 1;
                    self.current = None;
                }
            }
        }
    }
}

/// Lines of one file.
#[derive(Debug)]
struct Lines {
    file: BufReader<File>,
    line: Vec<u8>,
}

enum Line {
    Entry(Box<Entry>),
    Unreadable,
    Empty,
    End,
}

impl Lines {
    fn new(file: File) -> Self {
        Self {
            file: BufReader::new(file),
            line: Vec::new(),
        }
    }

    fn next(&mut self) -> io::Result<Line> {
        self.line.clear();
        (&mut self.file)
            .take(MAX_LINE as u64)
            .read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(Line::End);
        }
        if self.line.len() == MAX_LINE && self.line.last() != Some(&b'\n') {
            self.file.skip_until(b'\n')?;
            return Ok(Line::Unreadable);
        }
        let line = self.line.trim_ascii();
        if line.is_empty() {
            return Ok(Line::Empty);
        }
        Ok(serde_json::from_slice(line).map_or(Line::Unreadable, |entry| Line::Entry(Box::new(entry))))
    }
}
