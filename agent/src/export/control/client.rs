//! The asking end of the control socket, for commands that end.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::protocol::{End, Refusal, Request};

/// For the agent to take the request, and between two lines of its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// One JSON object of the public contract each, as the agent wrote it.
    pub lines: Vec<String>,
    /// What the agent said about the whole.
    pub end: End,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens.
    #[error(
        "no agent answers on {}; start one with 'wrongway run' or name its socket with --control",
        .0.display()
    )]
    NoAgent(PathBuf),
    /// The socket belongs to somebody else.
    #[error("cannot connect to control socket {}: permission denied; run as the agent's user, usually root", .0.display())]
    Denied(PathBuf),
    /// The agent said no.
    #[error("the agent on {} refuses: {error}", path.display())]
    Refused {
        /// The socket.
        path: PathBuf,
        /// What it said.
        error: String,
    },
    /// The answer had no end.
    #[error("the agent on {} stopped in the middle of its answer; try again", .0.display())]
    CutShort(PathBuf),
    /// The conversation failed in another way.
    #[error("cannot talk to the agent on {}: {description}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What failed. Not a source: to the caller's caller, a broken pipe means its own output.
        description: String,
    },
}

/// Asks the agent that listens on `path`, and waits for its whole answer.
///
/// The answer is read at the agent's pace, however slowly the caller goes on to use it.
///
/// # Errors
/// If no agent answers completely.
pub fn ask(path: &Path, request: &Request) -> Result<Answer, AskError> {
    let mut stream = UnixStream::connect(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => AskError::NoAgent(path.to_owned()),
        ErrorKind::PermissionDenied => AskError::Denied(path.to_owned()),
        _ => failed(path, &error),
    })?;
    // An agent that has too many clients says so and closes without reading: the write may fail, and the
    // reason is there to be read.
    let sent = stream
        .set_read_timeout(Some(TIMEOUT))
        .and_then(|()| stream.set_write_timeout(Some(TIMEOUT)))
        .and_then(|()| stream.write_all(request.to_line().as_bytes()));
    let mut lines = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line.map_err(|error| failed(path, &error))?;
        if let Ok(end) = serde_json::from_str::<End>(&line) {
            return Ok(Answer { lines, end });
        }
        if let Ok(Refusal { error }) = serde_json::from_str(&line) {
            let path = path.to_owned();
            return Err(AskError::Refused { path, error });
        }
        lines.push(line);
    }
    sent.map_err(|error| failed(path, &error))?;
    Err(AskError::CutShort(path.to_owned()))
}

fn failed(path: &Path, error: &io::Error) -> AskError {
    let description = match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("no answer within {} s", TIMEOUT.as_secs()),
        _ => error.to_string(),
    };
    AskError::Io {
        path: path.to_owned(),
        description,
    }
}
