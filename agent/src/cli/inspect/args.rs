//! Arguments of `wrongway inspect`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use crate::cli::args::DEFAULT_CONTROL;
use crate::export::control::{Command, Request};
use crate::export::query::{DEFAULT_LIMIT, Query};

const CLASSES: [&str; 8] = [
    "fine",
    "undecided",
    "correct_421",
    "wrong_421",
    "missing_421",
    "watch",
    "malformed",
    "other",
];

/// Arguments of `wrongway inspect`.
#[derive(Clone, Debug, Args)]
pub struct InspectArgs {
    #[command(subcommand)]
    view: View,
}

#[derive(Clone, Debug, Subcommand)]
enum View {
    /// Every exchange since the start, counted by verdict and names, findings first.
    Summary {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        judgement: Judgement,
        #[command(flatten)]
        names: Names,
    },
    /// Recent exchanges, newest last.
    Exchanges {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        judgement: Judgement,
        #[command(flatten)]
        names: Names,
        #[command(flatten)]
        position: Position,
    },
    /// Recent exchanges that deserve attention, newest last, with diagnosis and remedy.
    Findings {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        judgement: Judgement,
        #[command(flatten)]
        names: Names,
        #[command(flatten)]
        position: Position,
    },
    /// Connections, open or recently closed.
    Connections {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        names: Names,
        #[command(flatten)]
        position: Position,
    },
    /// What can be seen of each process that speaks TLS, and why not everything.
    Coverage {
        #[command(flatten)]
        source: Source,
    },
    /// Alerts that fire, and those that are over since lately, with diagnosis and remedy.
    Alerts {
        #[command(flatten)]
        source: Source,
    },
}

/// Whom to ask, and how to print.
#[derive(Clone, Debug, Args)]
pub(super) struct Source {
    /// The agent's control socket.
    #[arg(long, value_name = "PATH", default_value = DEFAULT_CONTROL)]
    pub(super) control: PathBuf,
    /// Print one JSON object a line.
    #[arg(long)]
    pub(super) json: bool,
    /// Show at most this many, the newest.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_LIMIT)]
    limit: usize,
}

#[derive(Clone, Debug, Args)]
struct Judgement {
    /// Only this verdict.
    #[arg(long, value_name = "NAME")]
    verdict: Option<String>,
    /// Only this class of verdicts.
    #[arg(long, value_parser = PossibleValuesParser::new(CLASSES))]
    class: Option<String>,
}

#[derive(Clone, Debug, Args)]
struct Names {
    /// Only this side of a connection.
    #[arg(long, value_parser = PossibleValuesParser::new(["server", "client"]))]
    role: Option<String>,
    /// Only this authority.
    #[arg(long, value_name = "NAME")]
    authority: Option<String>,
    /// Only this server name.
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
}

#[derive(Clone, Debug, Args)]
struct Position {
    /// Only what has a greater id.
    #[arg(long, value_name = "ID")]
    since: Option<u64>,
}

impl InspectArgs {
    pub(super) fn request(&self) -> (Request, &Source) {
        let (command, source) = match &self.view {
            View::Summary { source, .. } => (Command::Summary, source),
            View::Exchanges { source, .. } => (Command::Exchanges, source),
            View::Findings { source, .. } => (Command::Findings, source),
            View::Connections { source, .. } => (Command::Connections, source),
            View::Coverage { source } => (Command::Coverage, source),
            View::Alerts { source } => (Command::Alerts, source),
        };
        let mut query = Query {
            limit: source.limit,
            ..Query::default()
        };
        match &self.view {
            View::Summary { judgement, names, .. } => {
                judgement.fill(&mut query);
                names.fill(&mut query);
            }
            View::Exchanges {
                judgement,
                names,
                position,
                ..
            }
            | View::Findings {
                judgement,
                names,
                position,
                ..
            } => {
                judgement.fill(&mut query);
                names.fill(&mut query);
                query.since = position.since;
            }
            View::Connections { names, position, .. } => {
                names.fill(&mut query);
                query.since = position.since;
            }
            View::Coverage { .. } | View::Alerts { .. } => {}
        }
        (Request { command, query }, source)
    }
}

impl Judgement {
    fn fill(&self, query: &mut Query) {
        query.verdict.clone_from(&self.verdict);
        query.class.clone_from(&self.class);
    }
}

impl Names {
    fn fill(&self, query: &mut Query) {
        query.role.clone_from(&self.role);
        query.authority.clone_from(&self.authority);
        query.sni.clone_from(&self.sni);
    }
}
