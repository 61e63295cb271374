//! Recordings: everything the observer was fed, so that it can be fed again.
//!
//! ```text
//! "wrongway recording 2\n"
//! entry*: length of what follows (u32, little-endian), kind (u8), bytes
//!   kind 0, once, first: JSON of Start
//!   kind 1: a record of the kernel, as it was
//!   kind 2: JSON of a Note
//! ```
//! Records hold whole heads of requests: cookies and credentials stand in a recording as they were sent.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    connection::{Key, Process, Socket},
    decode::{Malformed, Record},
    observer::{Input, Owner},
};

const MAGIC: &[u8] = b"wrongway recording 2\n";
/// Far more than any entry: a length above it is damage.
const MAX_ENTRY: u32 = 1 << 20;
const START: u8 = 0;
const RECORD: u8 = 1;
const NOTE: u8 = 2;

/// What a recording starts with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Version of the agent that made it.
    pub version: String,
    /// As in [`crate::observer::Observer::new`].
    pub epoch: u64,
}

/// An input that did not come from the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Note {
    Process(Process),
    Library { slot: u16, path: String },
    Socket { key: Key, socket: Socket },
    Owners { random: [u8; 32], owners: Vec<Owner> },
}

/// Why a recording cannot be read.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Io(#[from] io::Error),
    /// Not a recording.
    #[error(
        "it is no recording of wrongway, or one of another version: it should begin with \"wrongway recording 2\""
    )]
    Magic,
    /// It ends in the middle.
    #[error("it breaks off in entry {entry}: the recording was cut short; what came before is used")]
    CutShort {
        /// Number of the entry, from 1.
        entry: u64,
    },
    /// An entry makes no sense.
    #[error("entry {entry} is damaged: {reason}")]
    Damaged {
        /// Number of the entry, from 1.
        entry: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// Writes a recording.
pub struct Writer<W> {
    to: W,
}

impl<W: Write> Writer<W> {
    /// Begins a recording.
    ///
    /// # Errors
    /// Returns the error of writing.
    pub fn new(mut to: W, start: &Start) -> io::Result<Self> {
        to.write_all(MAGIC)?;
        let mut writer = Self { to };
        writer.entry(START, &serde_json::to_vec(start)?)?;
        Ok(writer)
    }

    /// Adds a record of the kernel.
    ///
    /// # Errors
    /// Returns the error of writing.
    pub fn record(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.entry(RECORD, bytes)
    }

    /// Adds another input; records go to [`Self::record`].
    ///
    /// # Errors
    /// Returns the error of writing.
    pub fn note(&mut self, input: &Input<'_>) -> io::Result<()> {
        let note = match input {
            // Records have their own kind, and carry the time.
            Input::Record(_) | Input::Tick(_) => return Ok(()),
            Input::Process(process) => Note::Process(process.clone()),
            Input::Library { slot, path } => Note::Library {
                slot: *slot,
                path: path.clone(),
            },
            Input::Socket { key, socket } => Note::Socket {
                key: *key,
                socket: *socket,
            },
            Input::Owners { random, owners } => Note::Owners {
                random: *random,
                owners: owners.clone(),
            },
        };
        self.entry(NOTE, &serde_json::to_vec(&note)?)
    }

    /// Ends the recording.
    ///
    /// # Errors
    /// Returns the error of writing.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }

    fn entry(&mut self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len() + 1).map_err(io::Error::other)?;
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(&[kind])?;
        self.to.write_all(bytes)
    }
}

/// Reads a recording.
pub struct Reader<R> {
    from: R,
    start: Start,
    entry: u64,
    buffer: Vec<u8>,
}

impl<R: Read> Reader<R> {
    /// Opens a recording.
    ///
    /// # Errors
    /// Returns why it is none.
    pub fn new(mut from: R) -> Result<Self, RecordingError> {
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => RecordingError::Magic,
            _ => error.into(),
        })?;
        if magic != MAGIC {
            return Err(RecordingError::Magic);
        }
        let start = Start {
            version: String::new(),
            epoch: 0,
        };
        let mut reader = Self {
            from,
            start,
            entry: 0,
            buffer: Vec::new(),
        };
        let kind = reader.advance()?;
        if kind != Some(START) {
            return Err(reader.damaged("the first does not say when the recording began"));
        }
        reader.start =
            serde_json::from_slice(&reader.buffer).map_err(|error| reader.damaged(&error.to_string()))?;
        Ok(reader)
    }

    /// What it starts with.
    pub const fn start(&self) -> &Start {
        &self.start
    }

    /// The next input; `None` at the end.
    ///
    /// # Errors
    /// Returns what is wrong with the recording. Nothing can be read after that.
    pub fn next_input(&mut self) -> Result<Option<Input<'_>>, RecordingError> {
        match self.advance()? {
            None => Ok(None),
            Some(RECORD) => {
                let entry = self.entry;
                let record =
                    Record::from_bytes(&self.buffer).map_err(|error: Malformed| RecordingError::Damaged {
                        entry,
                        reason: error.to_string(),
                    })?;
                Ok(Some(Input::Record(record)))
            }
            Some(NOTE) => {
                let note =
                    serde_json::from_slice(&self.buffer).map_err(|error| self.damaged(&error.to_string()))?;
                Ok(Some(match note {
                    Note::Process(process) => Input::Process(process),
                    Note::Library { slot, path } => Input::Library { slot, path },
                    Note::Socket { key, socket } => Input::Socket { key, socket },
                    Note::Owners { random, owners } => Input::Owners { random, owners },
                }))
            }
            Some(kind) => Err(self.damaged(&format!("unknown kind {kind}"))),
        }
    }

    /// Reads the next entry into the buffer; tells its kind.
    fn advance(&mut self) -> Result<Option<u8>, RecordingError> {
        let mut length = [0; 4];
        let have = read_up_to(&mut self.from, &mut length)?;
        if have == 0 {
            return Ok(None);
        }
        self.entry += 1;
        if have < length.len() {
            return Err(RecordingError::CutShort { entry: self.entry });
        }
        let length = u32::from_le_bytes(length);
        if length == 0 || length > MAX_ENTRY {
            return Err(self.damaged(&format!("length {length}")));
        }
        let mut kind = [0];
        self.buffer.resize(length as usize - 1, 0);
        let have = read_up_to(&mut self.from, &mut kind)? + read_up_to(&mut self.from, &mut self.buffer)?;
        if have < length as usize {
            return Err(RecordingError::CutShort { entry: self.entry });
        }
        Ok(Some(kind[0]))
    }

    fn damaged(&self, reason: &str) -> RecordingError {
        RecordingError::Damaged {
            entry: self.entry,
            reason: reason.to_owned(),
        }
    }
}

fn read_up_to(from: &mut impl Read, to: &mut [u8]) -> io::Result<usize> {
    let mut have = 0;
    while have < to.len() {
        match from.read(&mut to[have..]) {
            Ok(0) => break,
            Ok(count) => have += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(have)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recording() -> Vec<u8> {
        let start = Start {
            version: "1".into(),
            epoch: 7,
        };
        let mut writer = Writer::new(Vec::new(), &start).unwrap();
        writer
            .note(&Input::Library {
                slot: 1,
                path: "/lib/x".into(),
            })
            .unwrap();
        writer
            .note(&Input::Process(Process {
                pid: 5,
                ..Process::default()
            }))
            .unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn what_was_written_is_read() {
        let recording = recording();
        let mut reader = Reader::new(&recording[..]).unwrap();
        assert_eq!(reader.start().epoch, 7);
        assert!(matches!(
            reader.next_input(),
            Ok(Some(Input::Library { slot: 1, .. }))
        ));
        assert!(matches!(
            reader.next_input(),
            Ok(Some(Input::Process(Process { pid: 5, .. })))
        ));
        assert!(matches!(reader.next_input(), Ok(None)));
    }

    #[test]
    fn a_recording_that_breaks_off_says_where() {
        let recording = recording();
        let mut reader = Reader::new(&recording[..recording.len() - 3]).unwrap();
        reader.next_input().unwrap();
        assert!(matches!(
            reader.next_input(),
            Err(RecordingError::CutShort { entry: 3 })
        ));
    }

    #[test]
    fn another_file_is_refused() {
        assert!(matches!(
            Reader::new(&b"#!/bin/sh\n"[..]),
            Err(RecordingError::Magic)
        ));
        assert!(matches!(
            Reader::new(&b"#!/bin/sh and more than that\n"[..]),
            Err(RecordingError::Magic)
        ));
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_taken(bytes: Vec<u8>) {
            let mut recording = recording();
            recording.extend(bytes);
            let mut reader = Reader::new(&recording[..]).unwrap();
            while let Ok(Some(_)) = reader.next_input() {}
        }
    }
}
