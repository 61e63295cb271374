//! Arguments of `wrongway inspect`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// Arguments of `wrongway explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// Number of the exchange, as `wrongway inspect` shows it.
    pub(super) id: u64,
    #[command(flatten)]
    pub(super) agent: Agent,
}

/// Whom to ask, and how to print.
#[derive(Clone, Debug, Args)]
pub(super) struct Agent {
    /// The agent's control socket.
    #[arg(long, value_name = "PATH", default_value = DEFAULT_CONTROL)]
    pub(super) control: PathBuf,
    /// Print one JSON object a line.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Debug, Subcommand)]
enum View {
    /// Every exchange since the start, counted by cause, findings first.
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
    /// What was learned of each listener's names: served, certificate, client certificate.
    Listeners {
        #[command(flatten)]
        source: Source,
        /// Only listeners of this machine (server), or those that its programs dial (client).
        #[arg(long, value_parser = PossibleValuesParser::new(["server", "client"]))]
        role: Option<String>,
        /// Only this server name.
        #[arg(long, value_name = "NAME")]
        sni: Option<String>,
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

/// Whom to ask, for how much.
#[derive(Clone, Debug, Args)]
pub(super) struct Source {
    #[command(flatten)]
    pub(super) agent: Agent,
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
    /// Only what has a greater id than this, or what is no older than this: 90s, 15m, 24h, 7d.
    #[arg(long, value_name = "ID|AGE")]
    since: Option<Since>,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Id(u64),
    Age(Duration),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SECONDS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
        let wrong = || format!("{text:?} is neither an id nor an age such as 90s, 15m, 24h or 7d");
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let unit = text.chars().next_back().ok_or_else(wrong)?;
        let (_, seconds) = SECONDS
            .into_iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(wrong)?;
        let count: u64 = text
            .strip_suffix(unit)
            .unwrap_or(text)
            .parse()
            .map_err(|_| wrong())?;
        let age = count.checked_mul(seconds).ok_or_else(wrong)?;
        Ok(Self::Age(Duration::from_secs(age)))
    }
}

impl Position {
    fn fill(&self, query: &mut Query) {
        match self.since {
            Some(Since::Id(id)) => query.since = Some(id),
            Some(Since::Age(age)) => {
                let from = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default()
                    .saturating_sub(age);
                query.since_time = Some(u64::try_from(from.as_nanos()).unwrap_or(u64::MAX));
            }
            None => {}
        }
    }
}

impl InspectArgs {
    pub(super) fn request(&self) -> (Request, &Source) {
        let (command, source) = match &self.view {
            View::Summary { source, .. } => (Command::Summary, source),
            View::Exchanges { source, .. } => (Command::Exchanges, source),
            View::Findings { source, .. } => (Command::Findings, source),
            View::Connections { source, .. } => (Command::Connections, source),
            View::Listeners { source, .. } => (Command::Listeners, source),
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
                position.fill(&mut query);
            }
            View::Connections { names, position, .. } => {
                names.fill(&mut query);
                position.fill(&mut query);
            }
            View::Listeners { role, sni, .. } => {
                query.role.clone_from(role);
                query.sni.clone_from(sni);
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::id("17", Since::Id(17))]
    #[case::seconds("90s", Since::Age(Duration::from_secs(90)))]
    #[case::minutes("15m", Since::Age(Duration::from_mins(15)))]
    #[case::hours("24h", Since::Age(Duration::from_hours(24)))]
    #[case::days("7d", Since::Age(Duration::from_hours(168)))]
    fn since_is_an_id_or_an_age(#[case] text: &str, #[case] expected: Since) {
        assert_eq!(text.parse(), Ok(expected));
    }

    #[rstest]
    #[case::nothing("")]
    #[case::unit_alone("h")]
    #[case::unknown_unit("3w")]
    #[case::two_units("3hh")]
    #[case::negative("-3h")]
    #[case::too_long("99999999999999999999d")]
    fn anything_else_is_refused(#[case] text: &str) {
        assert!(text.parse::<Since>().is_err());
    }
}
