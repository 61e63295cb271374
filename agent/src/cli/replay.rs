//! `wrongway replay`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;

use super::args::ReplayArgs;
use super::failure::Failure;
use super::inspect::exchange_lines;
use crate::export::{present, view::Exchange};
use crate::observer::{Observer, Output};
use crate::recording::Reader;

/// Judges what a recording holds and prints the exchanges.
///
/// # Errors
/// If the file is no recording (exit code 64). One that breaks off is judged up to there, and exits with 1.
pub fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let open = || format!("cannot replay {}", args.file.display());
    let file = File::open(&args.file)
        .map_err(|error| Failure::configuration(format!("cannot read {}: {error}", args.file.display())))?;
    let mut reader = Reader::new(BufReader::new(file))
        .map_err(|error| Failure::configuration(format!("{}: {error}", open())))?;
    let mut observer = Observer::new(reader.start().epoch);
    let mut outputs = Vec::new();
    let mut broken = None;
    loop {
        match reader.next_input() {
            Ok(Some(input)) => observer.input(input, &mut outputs),
            Ok(None) => break,
            Err(error) => {
                broken = Some(error);
                break;
            }
        }
    }
    observer.finish(&mut outputs);
    print(&exchanges(&outputs), args.json)?;
    broken.map_or(Ok(ExitCode::SUCCESS), |error| Err(error).with_context(open))
}

/// The exchanges that were told, each with its outcome.
fn exchanges(outputs: &[Output]) -> Vec<Exchange> {
    let mut exchanges = BTreeMap::new();
    for output in outputs {
        match output {
            Output::Exchange(judged) => {
                exchanges.insert(judged.id, present::judged(judged));
            }
            Output::Outcome {
                exchange,
                outcome,
                retried_as,
            } => {
                if let Some(exchange) = exchanges.get_mut(exchange) {
                    exchange.outcome = Some(outcome.as_str().to_owned());
                    exchange.retried_as = *retried_as;
                }
            }
            _ => {}
        }
    }
    exchanges.into_values().collect()
}

fn print(exchanges: &[Exchange], json: bool) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if json {
        for exchange in exchanges {
            serde_json::to_writer(&mut out, exchange).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    } else {
        for line in exchange_lines(exchanges) {
            writeln!(out, "{line}")?;
        }
    }
    out.flush().context("cannot print")
}
