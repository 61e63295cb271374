//! A client that sends exactly the octets it is told to, through Python's `ssl` module: it calls only
//! `SSL_read_ex` and `SSL_write_ex`.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::rig::process::output_of;
use crate::rig::scratch::Scratch;
use crate::rig::truth::Truth;

const SCRIPT: &str = include_str!("raw.py");

/// What to send on one connection. Each part is one write; after it the client waits until as many final
/// responses came as the part expects.
#[derive(Clone, Debug, Serialize)]
pub struct Dialogue<'a> {
    /// Port of 127.0.0.1.
    pub port: u16,
    /// Server name; `None`: none is sent.
    pub sni: Option<&'a str>,
    /// What to write, in order.
    pub parts: &'a [Part<'a>],
}

/// One write.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Part<'a> {
    /// The octets, all of them ASCII.
    pub text: &'a str,
    /// Text that must have come, counted over the whole connection, before the next part: how often
    /// `HTTP/1.1 ` begins a line.
    pub responses: usize,
}

/// A request of the dialogue, as its answer is expected.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Request method.
    pub method: &'a str,
    /// Effective authority.
    pub authority: &'a str,
    /// Final status.
    pub status: u16,
}

#[derive(Debug, Deserialize)]
struct Transcript {
    pid: u32,
    local: String,
    peer: String,
    statuses: Vec<u16>,
}

/// Holds the dialogue, checks that the final statuses came as expected, and returns the truth.
///
/// # Errors
///
/// When the server answers otherwise or not in time.
pub fn talk(scratch: &Scratch, dialogue: &Dialogue<'_>, expected: &[Expected<'_>]) -> Result<Vec<Truth>> {
    let script = scratch.write("raw.py", SCRIPT)?;
    let options = serde_json::to_string(dialogue).context("cannot write the dialogue as JSON")?;
    let output = output_of(Command::new("python3").arg(&script).arg(options))?;
    let transcript: Transcript =
        serde_json::from_str(&output).with_context(|| format!("the raw client printed {output}"))?;
    truths(&transcript, dialogue.sni, expected)
}

fn truths(transcript: &Transcript, sni: Option<&str>, expected: &[Expected<'_>]) -> Result<Vec<Truth>> {
    // 101 is final here: what follows it is no HTTP.
    let finals: Vec<u16> = transcript
        .statuses
        .iter()
        .copied()
        .filter(|status| *status >= 200 || *status == 101)
        .collect();
    let wanted: Vec<u16> = expected.iter().map(|request| request.status).collect();
    ensure!(
        finals == wanted,
        "the server answered {finals:?} instead of {wanted:?}"
    );
    Ok((1..)
        .zip(expected)
        .map(|(number, request)| Truth {
            client: "raw".to_owned(),
            pid: transcript.pid,
            exe: None,
            protocol: "http/1.1".to_owned(),
            sni: sni.map(str::to_owned),
            authority: request.authority.to_owned(),
            method: request.method.to_owned(),
            status: Some(request.status),
            local: Some(transcript.local.clone()),
            peer: transcript.peer.clone(),
            request_number: number,
            abandoned: false,
            verdict: None,
            certificate: None,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(statuses: &[u16]) -> Transcript {
        Transcript {
            pid: 7,
            local: "127.0.0.1:1".to_owned(),
            peer: "127.0.0.1:2".to_owned(),
            statuses: statuses.to_vec(),
        }
    }

    const POST: Expected<'_> = Expected {
        method: "POST",
        authority: "a.example",
        status: 200,
    };

    #[test]
    fn interim_responses_answer_nothing() {
        let truths = truths(&transcript(&[100, 200]), None, &[POST]).unwrap();
        assert_eq!(truths.len(), 1);
    }

    #[test]
    fn another_status_is_an_error() {
        assert!(truths(&transcript(&[404]), None, &[POST]).is_err());
    }
}
