//! `wrongway judge`: the verdict function on facts from a file, without a kernel.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use crate::verdict::{Judgement, json, judge};

/// Longest line that is read, in bytes, without its end.
pub const LONGEST_LINE: u64 = 1 << 20;

/// Judge exchanges given as facts, one JSON object a line
///
/// Prints one JSON object a line: verdict, class, confidence, basis, diagnosis and remedy; for a line that is
/// no such object, error and line. Ends with 1 if there was one.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct JudgeArgs {
    /// File with the facts; standard input if left out or "-"
    pub file: Option<PathBuf>,
    /// Accepted for symmetry: the output is one JSON object a line either way
    #[arg(long)]
    pub json: bool,
}

const AFTER_HELP: &str = r#"Fields (null is unknown, unless said otherwise):
  protocol           "http/1.0", "http/1.1", "h2" or "h3"; required
  status             100 to 999, null if none came; required
  authority          :authority, or the authority of an absolute-form or CONNECT target; null for origin-form
  host               list of the Host values; at least one of authority and host is required
  sni                server name as sent
  sni_state          "sent", "absent", "outer_only", "unknown"; default: sent beside an sni, unknown without
  certificate_names  list of names, addresses as "IP:10.0.0.7"; default null
  method             default "GET"
  extended_connect   whether the request has :protocol; default false
  tls                default true where the line tells of a handshake, else null
  prior_authorities  authorities of earlier requests on the connection; default [], the first request
  facts              list of same_listener, known, mtls_gap, wrong_backend, proxy_client, upstream_421,
                     upstream_421_unclear, alternative_service, forward_proxy, trusted_gateway; default []
  fallback           whether one of the facts came from a fallback; default false
  unknown            those of authority and status whose null means that it was lost; default []

Example:
  echo '{"sni":"a.ex.org","authority":"b.ex.org","protocol":"h2","status":421}' | wrongway judge"#;

/// Runs `wrongway judge`.
///
/// # Errors
/// If the file cannot be read, or the output not written.
pub fn run(args: &JudgeArgs) -> Result<ExitCode> {
    let stdout = io::stdout().lock();
    let tally = match args.file.as_deref().filter(|file| file.as_os_str() != "-") {
        Some(file) => {
            let name = file.display();
            let reader = File::open(file).with_context(|| {
                format!("cannot open {name}: name a readable file, or leave it out for standard input")
            })?;
            judge_lines(BufReader::new(reader), BufWriter::new(stdout))
                .with_context(|| format!("judging the lines of {name}"))
        }
        // Answers have to appear as facts are typed: standard output flushes by line.
        None => judge_lines(io::stdin().lock(), stdout).context("judging the lines of standard input"),
    };
    match tally {
        Ok(Tally { rejected: 0, .. }) => Ok(ExitCode::SUCCESS),
        Ok(_) => Ok(ExitCode::FAILURE),
        // Whoever read the output has seen enough.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
    }
}

/// How many lines had an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that were judged.
    pub judged: u64,
    /// Lines that held no facts.
    pub rejected: u64,
}

/// Judges line by line, in bounded memory. Empty lines are skipped.
///
/// # Errors
/// Those of `reader` and `writer`; a line that holds no facts is answered, and is no error.
pub fn judge_lines(mut reader: impl BufRead, mut writer: impl Write) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut line = Vec::new();
    let mut number = 0;
    while let Some(length) = read_line(&mut reader, &mut line)? {
        number += 1;
        let facts = match length {
            Length::Whole if line.trim_ascii().is_empty() => continue,
            Length::Whole => json::parse(&line).map_err(|error| error.to_string()),
            Length::Cut => Err(format!(
                "longer than {LONGEST_LINE} bytes: give one exchange a line"
            )),
        };
        match facts {
            Ok(facts) => {
                tally.judged += 1;
                write_line(&mut writer, &Answer::from(&judge(&facts)))?;
            }
            Err(error) => {
                tally.rejected += 1;
                write_line(&mut writer, &Rejection { error, line: number })?;
            }
        }
    }
    writer.flush()?;
    Ok(tally)
}

#[derive(Serialize)]
struct Answer<'a> {
    verdict: &'static str,
    class: &'static str,
    confidence: &'static str,
    basis: &'static str,
    diagnosis: &'a str,
    remedy: &'a str,
}

impl<'a> From<&'a Judgement> for Answer<'a> {
    fn from(judgement: &'a Judgement) -> Self {
        Self {
            verdict: judgement.verdict.as_str(),
            class: judgement.verdict.class().as_str(),
            confidence: judgement.confidence.as_str(),
            basis: judgement.verdict.basis(),
            diagnosis: &judgement.diagnosis,
            remedy: &judgement.remedy,
        }
    }
}

#[derive(Serialize)]
struct Rejection {
    error: String,
    line: u64,
}

fn write_line(writer: &mut impl Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *writer, object)?;
    writer.write_all(b"\n")
}

enum Length {
    Whole,
    Cut,
}

/// The next line without its end; `None` at the end of input. Of a line too long the rest is skipped.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<Length>> {
    line.clear();
    let read = Read::take(&mut *reader, LONGEST_LINE + 1).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 > LONGEST_LINE {
        reader.skip_until(b'\n')?;
        return Ok(Some(Length::Cut));
    }
    Ok(Some(Length::Whole))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
