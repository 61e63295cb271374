//! The findings journal: what deserved attention, in files of JSON lines that outlive the agent.
//!
//! ```text
//! findings-20260102T030405Z-000041.jsonl    full or old: synced, closed, and one day deleted
//! findings-20260103T030406Z-000042.jsonl    the newest: lines are appended to it
//! lock                                      held by the agent that writes
//! ```
//! A line is written with one call and never changed. A crash, or a disk that fills up, can tear the last line of a
//! file: the next line begins on a new one, and whoever reads skips the torn one and counts it.

mod appender;
mod entry;
mod files;
mod lock;
mod past;
mod read;
#[cfg(test)]
mod tests;
mod writer;

pub use appender::Batch;
pub use entry::{Content, Entry, new_run};
pub use lock::OpenError;
pub use past::{Found, Past};
pub use read::{Reader, read};
pub(crate) use writer::is_full;
pub use writer::{Appended, Journal, Settings};

/// Longest line, in bytes with its line feed.
pub const MAX_LINE: usize = 1024 * 1024;
