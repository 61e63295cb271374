//! Appends whole lines, and knows whether the last one is whole.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use super::MAX_LINE;

/// Lines that are written with one call.
#[derive(Clone, Debug)]
pub struct Batch {
    /// A line feed, for a file whose last line is torn, and then the lines.
    bytes: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Batch {
    /// No lines.
    pub fn new() -> Self {
        Self {
            bytes: vec![b'\n'],
            ends: Vec::new(),
        }
    }

    /// Adds a line; false if it would be longer than [`MAX_LINE`] and was left out.
    pub fn push(&mut self, line: &impl Serialize) -> bool {
        let start = self.bytes.len();
        let written = serde_json::to_writer(&mut self.bytes, line);
        self.bytes.push(b'\n');
        let fits = written.is_ok() && self.bytes.len() - start <= MAX_LINE;
        if fits {
            self.ends.push(self.bytes.len());
        } else {
            self.bytes.truncate(start);
        }
        fits
    }

    /// How many lines it has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes its lines have.
    pub fn size(&self) -> usize {
        self.bytes.len() - 1
    }

    /// Takes its lines out.
    pub fn clear(&mut self) {
        self.bytes.truncate(1);
        self.ends.clear();
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

/// The end of a file.
#[derive(Debug)]
pub(super) struct Appender<W> {
    to: W,
    /// Whether the last line has no end.
    torn: bool,
    /// Bytes in the file.
    size: u64,
}

impl<W: Write> Appender<W> {
    /// The end of a file that has this size, and whose last line is torn or not.
    pub(super) const fn new(to: W, size: u64, torn: bool) -> Self {
        Self { to, torn, size }
    }

    /// Writes the lines, and returns how many are written whole, and what kept the others.
    pub(super) fn append(&mut self, batch: &Batch) -> (usize, Option<io::Error>) {
        let mut written = usize::from(!self.torn);
        let mut failed = None;
        while written < batch.bytes.len() && failed.is_none() {
            match self.to.write(&batch.bytes[written..]) {
                Ok(0) => failed = Some(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    written += count;
                    self.size += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => failed = Some(error),
            }
        }
        // A line that lacks only its line feed will have it, and can be read.
        let whole = batch.ends.iter().take_while(|end| **end - 1 <= written).count();
        // After the line feed, or after a line.
        self.torn = written != 1 && !batch.ends.contains(&written);
        (whole, failed)
    }

    /// Bytes in the file.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The file.
    pub(super) const fn file(&self) -> &W {
        &self.to
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A disk that takes so many bytes at a time, until it is full.
    struct Disk {
        content: Vec<u8>,
        room: usize,
        at_once: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room).min(self.at_once);
            if count == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.content.extend_from_slice(&bytes[..count]);
            self.room -= count;
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        /// Whatever a full disk cuts off, what is said to be written can be read, in order, and nothing else can.
        #[test]
        fn a_disk_that_fills_up_tears_no_line_that_counts_as_written(
            batches in prop::collection::vec((prop::collection::vec(0_u64..100_000, 1..5), 0_usize..30), 1..20),
            at_once in 1_usize..20,
        ) {
            let disk = Disk { content: Vec::new(), room: 0, at_once };
            let mut appender = Appender::new(disk, 0, false);
            let mut expected: Vec<u64> = Vec::new();
            for (numbers, room) in batches {
                let mut batch = Batch::new();
                for number in &numbers {
                    // A part of it is no such object.
                    let fits = batch.push(&serde_json::json!({ "n": number }));
                    prop_assert!(fits);
                }
                appender.to.room = room;
                let (whole, error) = appender.append(&batch);
                prop_assert!(whole == numbers.len() || error.is_some());
                expected.extend(&numbers[..whole]);
            }
            prop_assert_eq!(appender.size(), appender.to.content.len() as u64);
            let lines = appender.to.content.split(|byte| *byte == b'\n');
            let read: Vec<u64> = lines
                .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok()?["n"].as_u64())
                .collect();
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out() {
        let mut batch = Batch::new();
        assert!(batch.push(&1));
        assert!(!batch.push(&"x".repeat(MAX_LINE)));
        assert!(batch.push(&2));
        assert_eq!((batch.len(), batch.size()), (2, 4));
    }
}
