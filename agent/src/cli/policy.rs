//! `wrongway policy`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::{Failure, PROBLEM};
use super::table::printable;
use crate::policy::parse::{Mistake, Mistakes};
use crate::policy::{Policy, Refusal, example, load};

/// Arguments of `wrongway policy`.
#[derive(Clone, Debug, Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Check a policy file: prints every mistake with its place, and ends with 1 if there is one.
    Check(CheckArgs),
    /// Print a policy file that explains everything, and says what is in force without one.
    Example,
}

#[derive(Clone, Debug, Args)]
struct CheckArgs {
    /// Policy file to check.
    file: PathBuf,
    /// Print one JSON object a line: each mistake, then a summary.
    #[arg(long)]
    json: bool,
}

/// Runs `wrongway policy`.
///
/// # Errors
/// If a file cannot be read, or the output not written.
pub fn run(args: &PolicyArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match &args.action {
        Action::Check(args) => check(args, &mut out),
        Action::Example => {
            out.write_all(example().as_bytes()).context("cannot print")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(args: &CheckArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let file = shown(&args.file);
    let (valid, printed) = match load(&args.file) {
        Ok(policy) if args.json => (true, write_json(out, &Summary::of(&file, &policy))),
        Ok(policy) => (true, writeln!(out, "{file}: valid: {}", contents(&policy))),
        Err(Refusal::Mistaken { mistakes, .. }) if args.json => (false, write_objects(out, &file, &mistakes)),
        Err(Refusal::Mistaken { mistakes, .. }) => (false, write_mistakes(out, &file, &mistakes)),
        Err(refusal @ Refusal::Unreadable { .. }) => return Err(refusal.into()),
    };
    printed.context("cannot print")?;
    Ok(if valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(PROBLEM)
    })
}

/// What keeps the agent from starting. Mistakes have been told on standard error by then, each in a line.
pub fn bad_configuration(refusal: &Refusal) -> Failure {
    match refusal {
        Refusal::Unreadable { .. } => Failure::configuration(format!(
            "{refusal}; name a readable file with --config, or leave it out"
        )),
        Refusal::Mistaken { path, mistakes } => {
            let file = shown(path);
            // With standard error closed there is nobody left to tell.
            let _ = write_mistakes(&mut io::stderr().lock(), &file, mistakes);
            Failure::configuration(format!(
                "policy {file} is not valid; correct it, or start without --config"
            ))
        }
    }
}

/// Each mistake as compilers tell theirs, then their number.
fn write_mistakes(out: &mut impl Write, file: &str, mistakes: &Mistakes) -> io::Result<()> {
    for mistake in &mistakes.first {
        writeln!(out, "{file}:{}", printable(&mistake.to_string()))?;
    }
    if mistakes.more > 0 {
        writeln!(out, "{file}: {} more mistakes are not listed", mistakes.more)?;
    }
    match mistakes.count() {
        1 => writeln!(out, "{file}: not valid: 1 mistake"),
        count => writeln!(out, "{file}: not valid: {count} mistakes"),
    }
}

fn write_objects(out: &mut impl Write, file: &str, mistakes: &Mistakes) -> io::Result<()> {
    for mistake in &mistakes.first {
        write_json(out, &Told { file, mistake })?;
    }
    let summary = Summary {
        file,
        valid: false,
        mistakes: mistakes.count(),
        contents: None,
    };
    write_json(out, &summary)
}

fn write_json(out: &mut impl Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Told<'a> {
    file: &'a str,
    #[serde(flatten)]
    mistake: &'a Mistake,
}

#[derive(Serialize)]
struct Summary<'a> {
    file: &'a str,
    valid: bool,
    mistakes: usize,
    /// How many there are of what is counted; `null` if the policy is not valid.
    contents: Option<serde_json::Map<String, serde_json::Value>>,
}

impl<'a> Summary<'a> {
    fn of(file: &'a str, policy: &Policy) -> Self {
        let counts = counts(policy).into_iter();
        Self {
            file,
            valid: true,
            mistakes: 0,
            contents: Some(
                counts
                    .map(|(key, _, count)| (key.to_owned(), count.into()))
                    .collect(),
            ),
        }
    }
}

/// What a policy contains: the name in JSON, the words for one, and how many.
fn counts(policy: &Policy) -> [(&'static str, &'static str, usize); 10] {
    let sinks = &policy.sinks;
    [
        (
            "trusted_gateways",
            "trusted gateway",
            policy.trusted_gateways.len(),
        ),
        ("forward_proxies", "forward proxy", policy.forward_proxies.len()),
        (
            "alternative_services",
            "alternative service",
            policy.alternative_services.len(),
        ),
        ("shared_names", "group of shared names", policy.shared_names.len()),
        ("listeners", "listener", policy.listeners.len()),
        ("ignored_names", "ignored name", policy.privacy.ignore.len()),
        ("hashed_names", "hashed name", policy.privacy.hash.len()),
        ("alerts", "alert", policy.rules.len()),
        ("webhooks", "webhook", sinks.webhooks.len()),
        ("alertmanagers", "Alertmanager", sinks.alertmanagers.len()),
    ]
}

/// What a policy contains, in one line.
fn contents(policy: &Policy) -> String {
    let counts = counts(policy).into_iter().filter(|(_, _, count)| *count > 0);
    let parts: Vec<String> = counts
        .map(|(_, word, count)| format!("{count} {}", of(word, count)))
        .collect();
    if parts.is_empty() {
        "no alerts, and nothing else".to_owned()
    } else {
        parts.join(", ")
    }
}

/// `word`, in the plural unless `count` is 1.
fn of(word: &str, count: usize) -> String {
    match word {
        _ if count == 1 => word.to_owned(),
        "forward proxy" => "forward proxies".to_owned(),
        "group of shared names" => "groups of shared names".to_owned(),
        _ => format!("{word}s"),
    }
}

fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}
