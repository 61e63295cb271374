//! `wrongway inspect`: what a running agent knows, as tables or as JSON.

mod args;
mod explanation;
mod render;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context as _;

use self::args::Agent;
pub use self::args::{ExplainArgs, InspectArgs};
pub use self::render::exchanges as exchange_lines;
use super::failure::Failure;
use super::table::printable;
use crate::export::control::{self, Answer, Command, Request};
use crate::export::query::Query;
use crate::export::store;

/// Asks the agent and prints its answer.
///
/// # Errors
/// If no agent answers (exit code 1), or the socket is not for this user (69).
pub fn run(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let (request, source) = args.request();
    show(&request, &source.agent)
}

/// Explains one exchange.
///
/// # Errors
/// As [`run`]; also if the exchange is not kept.
pub fn explain(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let query = Query {
        id: Some(args.id),
        ..Query::default()
    };
    let command = Command::Explain;
    show(&Request { command, query }, &args.agent)
}

fn show(request: &Request, agent: &Agent) -> anyhow::Result<ExitCode> {
    let answer = control::ask(&agent.control, request).map_err(Failure::from)?;
    if agent.json {
        print(&answer.lines)?;
    } else {
        let lines = render::text(request.command, &answer.lines)
            .with_context(|| format!("the agent on {} is of another version", agent.control.display()))?;
        print(&lines)?;
    }
    for note in notes(request, &answer) {
        // Notes are a courtesy: with standard error closed the answer still stands.
        let _ = writeln!(io::stderr(), "{note}");
    }
    Ok(ExitCode::SUCCESS)
}

fn print(lines: &[String]) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    lines
        .iter()
        .try_for_each(|line| writeln!(out, "{line}"))
        .and_then(|()| out.flush())
        .context("cannot print")
}

/// What a reader should know about the answer beside what it shows.
fn notes(request: &Request, answer: &Answer) -> Vec<String> {
    let mut notes = Vec::new();
    let shown = answer.lines.len();
    if shown == 0 {
        notes.push(nothing(request).to_owned());
    } else if answer.end.matched > shown {
        notes.push(format!(
            "{shown} of {} shown; more with --limit {}",
            answer.end.matched, answer.end.matched
        ));
    }
    // What the store gave up was seen and judged; it only cannot be listed any more.
    let losses = answer.end.losses.iter().filter(|loss| loss.stage != store::STAGE);
    let losses: Vec<String> = losses
        .map(|loss| {
            format!(
                "{} {} {}",
                loss.count,
                printable(&loss.stage),
                printable(&loss.reason)
            )
        })
        .collect();
    if !losses.is_empty() {
        notes.push(format!("seen but not kept: {}", losses.join(", ")));
    }
    notes
}

fn nothing(request: &Request) -> &'static str {
    if !request.query.filters().is_empty() {
        return "nothing matches these filters";
    }
    match request.command {
        Command::Summary | Command::Exchanges => {
            "no exchanges yet; 'wrongway inspect coverage' shows which programs are observed"
        }
        Command::Findings => "no findings; 'wrongway inspect summary' shows what was judged",
        Command::Connections => {
            "no connections yet; 'wrongway inspect coverage' shows which programs are observed"
        }
        Command::Listeners => "no listeners yet; they are learned from requests",
        // It is answered or refused.
        Command::Explain => "nothing is known of it",
        Command::Coverage => "no running program is known to speak TLS",
        Command::Alerts => "no alerts; 'wrongway inspect summary' shows what was judged",
    }
}
