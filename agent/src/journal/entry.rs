//! Lines of the journal.

use std::mem::MaybeUninit;

use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};

use crate::alert::Notice;
use crate::export::view::Exchange;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What it tells.
    #[serde(flatten)]
    pub content: Content,
    /// The run of the agent that wrote it: numbers of exchanges are unique in one run.
    pub run: String,
    /// When it was written: RFC 3339, UTC.
    pub time: String,
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// The agent began to write.
    Start {
        /// Its version.
        version: String,
    },
    /// An exchange that deserves attention.
    Finding {
        /// It, as the public contract has it.
        exchange: Box<Exchange>,
    },
    /// What the client did after a 421.
    Outcome {
        /// Number of the exchange that was answered 421.
        id: u64,
        /// What it did.
        outcome: String,
        /// Number of the exchange in which it asked again, if it did.
        retried_as: Option<u64>,
    },
    /// An alert began or ended.
    Alert {
        /// It, after the change.
        alert: Box<Notice>,
    },
    /// The agent stopped writing, on purpose.
    Stop {
        /// The highest number of an exchange.
        exchange_id: u64,
        /// The highest number of a connection that carried one.
        connection_id: u64,
    },
    /// Something of a later version.
    #[serde(other)]
    Unknown,
}

/// A name for this run of the agent: 16 hexadecimal digits at random.
pub fn new_run() -> String {
    let mut buffer = [MaybeUninit::uninit(); 8];
    // Only an early boot has no random numbers; the time tells runs apart just as well then.
    let random = getrandom(&mut buffer, GetRandomFlags::NONBLOCK).ok();
    let number = match random.and_then(|(bytes, _)| <[u8; 8]>::try_from(&*bytes).ok()) {
        Some(bytes) => u64::from_ne_bytes(bytes),
        None => std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |time| time.as_secs() << 30 | u64::from(time.subsec_nanos())),
    };
    format!("{number:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_its_kind() {
        let entry = Entry {
            content: Content::Outcome {
                id: 7,
                outcome: "cured".to_owned(),
                retried_as: None,
            },
            run: "00".to_owned(),
            time: "2026-01-02T03:04:05.000000Z".to_owned(),
        };
        let line = serde_json::to_string(&entry).unwrap();
        assert_eq!(
            line,
            "{\"kind\":\"outcome\",\"id\":7,\"outcome\":\"cured\",\"retried_as\":null,\
             \"run\":\"00\",\"time\":\"2026-01-02T03:04:05.000000Z\"}"
        );
        assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry);
    }

    #[test]
    fn what_a_later_version_adds_is_no_error() {
        let line = r#"{"kind":"weather","run":"00","time":"t","sun":true}"#;
        assert_eq!(
            serde_json::from_str::<Entry>(line).unwrap().content,
            Content::Unknown
        );
    }

    #[test]
    fn runs_differ() {
        assert_ne!(new_run(), new_run());
        assert_eq!(new_run().len(), 16);
    }
}
