//! Requests, refusals and the last line of an answer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::export::query::Query;

/// Longest request line, in bytes with its line feed.
pub const MAX_REQUEST: usize = 8192;

/// What to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Everything since the start, counted.
    Summary,
    /// Recent exchanges.
    Exchanges,
    /// Recent findings.
    Findings,
    /// Connections, open or recently closed.
    Connections,
    /// What can be seen of each process.
    Coverage,
    /// What was learned of listeners.
    Listeners,
    /// The story of one exchange.
    Explain,
    /// Alerts that fire, and those that are over since lately.
    Alerts,
}

impl Command {
    /// Every command.
    pub const ALL: [Self; 8] = [
        Self::Summary,
        Self::Exchanges,
        Self::Findings,
        Self::Connections,
        Self::Coverage,
        Self::Listeners,
        Self::Explain,
        Self::Alerts,
    ];

    /// The name in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Exchanges => "exchanges",
            Self::Findings => "findings",
            Self::Connections => "connections",
            Self::Coverage => "coverage",
            Self::Listeners => "listeners",
            Self::Explain => "explain",
            Self::Alerts => "alerts",
        }
    }

    /// Names of the filters that make sense for it.
    const fn filters(self) -> &'static [&'static str] {
        match self {
            Self::Summary => &["verdict", "class", "role", "authority", "sni"],
            Self::Exchanges | Self::Findings => &[
                "verdict",
                "class",
                "role",
                "authority",
                "sni",
                "since",
                "since_time",
            ],
            Self::Connections => &["role", "authority", "sni", "since", "since_time"],
            Self::Listeners => &["role", "sni"],
            Self::Explain => &["id"],
            Self::Coverage | Self::Alerts => &[],
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What to show.
    pub command: Command,
    /// How much of it.
    pub query: Query,
}

impl Request {
    /// Parses a request line.
    ///
    /// # Errors
    /// If it is no JSON object, names no command, or has a member that its command does not know.
    pub fn parse(line: &[u8]) -> Result<Self, Refusal> {
        let mut members: Map<String, Value> = serde_json::from_slice(line)
            .map_err(|error| Refusal::new(format!("the request is no JSON object: {error}")))?;
        let command = members
            .remove("command")
            .ok_or_else(|| Refusal::new(format!("the request names no command; {}", known_commands())))?;
        let command = Command::ALL
            .into_iter()
            .find(|known| command == known.as_str())
            .ok_or_else(|| Refusal::new(format!("unknown command {command}; {}", known_commands())))?;
        let query: Query = serde_json::from_value(Value::Object(members))
            .map_err(|error| Refusal::new(format!("the request does not fit: {error}")))?;
        let unfit = |filter: &&str| !command.filters().contains(filter);
        if let Some(filter) = query.filters().into_iter().find(unfit) {
            let command = command.as_str();
            return Err(Refusal::new(format!("{command} cannot be filtered by {filter}")));
        }
        if command == Command::Explain && query.id.is_none() {
            return Err(Refusal::new("explain needs the id of an exchange"));
        }
        Ok(Self { command, query })
    }

    /// The request as one line, with its line feed.
    pub fn to_line(&self) -> String {
        let mut request = serde_json::to_value(&self.query).expect("a query is plain data");
        request["command"] = Value::from(self.command.as_str());
        format!("{request}\n")
    }
}

fn known_commands() -> String {
    format!("there are {}", Command::ALL.map(Command::as_str).join(", "))
}

/// Why the agent does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// One line for a person.
    pub error: String,
}

impl Refusal {
    pub(super) fn new(error: impl Into<String>) -> Self {
        Self { error: error.into() }
    }
}

/// The last line of a complete answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// Always true.
    pub end: bool,
    /// How many items matched; more than were sent if the limit was lower.
    pub matched: usize,
    /// Everything that the agent saw but could not keep.
    pub losses: Vec<Loss>,
}

/// One loss counter that is not zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Part of the agent.
    pub stage: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn requests_survive_the_round_trip() {
        let request = Request {
            command: Command::Findings,
            query: Query {
                limit: 7,
                sni: Some("a.example".to_owned()),
                ..Query::default()
            },
        };
        assert_eq!(Request::parse(request.to_line().as_bytes()), Ok(request));
    }

    #[test]
    fn a_command_alone_has_the_default_limit() {
        let request = Request::parse(br#"{"command":"summary"}"#).unwrap();
        assert_eq!(request.query, Query::default());
    }

    #[rstest]
    #[case::no_json("GET / HTTP/1.1", "the request is no JSON object: ")]
    #[case::no_object("[1]", "the request is no JSON object: ")]
    #[case::no_command("{}", "the request names no command; there are summary, exchanges, ")]
    #[case::unknown_command(r#"{"command":"stop"}"#, r#"unknown command "stop"; there are "#)]
    #[case::command_no_text(r#"{"command":7}"#, "unknown command 7; there are ")]
    #[case::unknown_member(
        r#"{"command":"summary","colour":1}"#,
        "the request does not fit: unknown field `colour`"
    )]
    #[case::negative_limit(r#"{"command":"summary","limit":-1}"#, "the request does not fit: ")]
    #[case::unfit_filter(
        r#"{"command":"coverage","sni":"a.example"}"#,
        "coverage cannot be filtered by sni"
    )]
    fn refuses_what_it_does_not_understand(#[case] line: &str, #[case] start: &str) {
        let refusal = Request::parse(line.as_bytes()).unwrap_err();
        assert!(refusal.error.starts_with(start), "{}", refusal.error);
    }
}
