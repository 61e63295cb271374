//! Facts as `wrongway judge` reads them: one JSON object a line.

use std::borrow::Cow;

use serde_json::{Map, Value};
use thiserror::Error;

use super::certificate::address_of;
use super::facts::{Facts, Field, Learned, Prior, Protocol, SniState, Status};

/// Fields of a line, in the order of the public contract.
pub const FIELDS: [&str; 14] = [
    "sni",
    "sni_state",
    "certificate_names",
    "authority",
    "host",
    "protocol",
    "method",
    "extended_connect",
    "status",
    "tls",
    "prior_authorities",
    "facts",
    "fallback",
    "unknown",
];

/// Reads the facts of one exchange.
///
/// `protocol`, `status`, and one of `authority` and `host` have to be there. What is left out else reads:
/// `sni` and `certificate_names` unknown; `sni_state` "sent" beside an `sni` and "unknown" without one;
/// `authority` null; `host` []; `method` "GET"; `extended_connect` false; `tls` true where the line tells of
/// a handshake and null where it does not; `prior_authorities` [], the first request; `facts` []; `fallback`
/// false; `unknown` []. `unknown` lists those of `authority` and `status` whose null means that it was lost.
///
/// # Errors
/// [`Invalid`] if the line is no such object, or contradicts itself.
pub fn parse(line: &[u8]) -> Result<Facts<'static>, Invalid> {
    let value = serde_json::from_slice(line).map_err(|error| Invalid::syntax(&error))?;
    let Value::Object(fields) = value else {
        return Err(Invalid::NoObject(shown(&value)));
    };
    if let Some(field) = fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
        return Err(Invalid::UnknownField(field.chars().take(LONGEST).collect()));
    }
    let line = Line(fields);

    let lost = line.lost()?;
    let sni = line.sni()?;
    let sni_state = line.sni_state(sni.as_deref())?;
    let certificate_names = line.certificate_names()?;
    let handshake = sni_state != SniState::Unknown || certificate_names.is_some();
    let protocol = line.protocol()?;
    let method = line.method()?;
    // CONNECT and pseudo-header fields stand for themselves; elsewhere Host takes part.
    let host_decides = !protocol.is_multiplexed() && method.as_deref() != Some("CONNECT");
    let facts = Facts {
        tls: line.tls(handshake)?,
        authority: line.authority(lost.authority, host_decides)?,
        host: line.strings("host", HOST)?.unwrap_or_default().into(),
        method: method.map(Cow::Owned),
        extended_connect: line
            .boolean("extended_connect", "true or false")?
            .unwrap_or(false),
        status: line.status(lost.status)?,
        prior_authorities: line.prior_authorities()?,
        learned: line.learned()?,
        fallback: line.boolean("fallback", "true or false")?.unwrap_or(false),
        sni: sni.map(Cow::Owned),
        sni_state,
        certificate_names: certificate_names.map(Cow::Owned),
        protocol,
    };
    consistent(&facts)?;
    Ok(facts)
}

/// Why a line holds no facts. Names the field, what was found, and what is expected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Invalid {
    /// It is not JSON at all.
    #[error("not JSON: {message} at byte {column}")]
    Syntax {
        /// What the parser met.
        message: String,
        /// Where, counted from 1.
        column: usize,
    },
    /// It is JSON, but no object.
    #[error("found {0}, expected a JSON object with the facts of one exchange")]
    NoObject(String),
    /// A field that there is not.
    #[error("unknown field {0:?}, expected some of {expected}", expected = FIELDS.join(", "))]
    UnknownField(String),
    /// A field that cannot be left out.
    #[error("{field} is missing, expected {expected}")]
    Missing {
        /// The field.
        field: &'static str,
        /// What it may hold.
        expected: &'static str,
    },
    /// A field of the wrong type or range.
    #[error("{field}: found {found}, expected {expected}")]
    Value {
        /// The field.
        field: &'static str,
        /// What it holds.
        found: String,
        /// What it may hold.
        expected: &'static str,
    },
    /// Two fields that cannot both be true.
    #[error("{found} contradicts {against}: {remedy}")]
    Contradiction {
        /// One field and its value.
        found: String,
        /// The other.
        against: &'static str,
        /// What to write instead.
        remedy: &'static str,
    },
}

impl Invalid {
    fn syntax(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let message = message
            .rsplit_once(" at line ")
            .map_or(message.as_str(), |(message, _)| message);
        Self::Syntax {
            message: message.to_owned(),
            column: error.column(),
        }
    }
}

/// Longest part of a foreign value that an error repeats, in characters.
const LONGEST: usize = 80;

const SNI: &str = "a string, or null if none is known";
const SNI_STATE: &str = "\"sent\", \"absent\", \"outer_only\" or \"unknown\"";
const NAMES: &str = "a list of DNS names and IP:address, or null if unknown";
const AUTHORITY: &str = "a string, or null for an origin-form target";
const HOST: &str = "a list of strings, [] if there was no Host, or null if unknown";
const PROTOCOL: &str = "\"http/1.0\", \"http/1.1\", \"h2\" or \"h3\"";
const METHOD: &str = "a string, or null if unknown";
const STATUS: &str = "a number from 100 to 999, or null if none came";
const TLS: &str = "true, false, or null if unknown";
const PRIOR: &str = "a list of strings, or null if earlier requests were not all seen";
const LEARNED: &str = "a list of same_listener, known, mtls_gap, wrong_backend, proxy_client, upstream_421, \
                       upstream_421_unclear, alternative_service, forward_proxy, trusted_gateway";
const LOST: &str = "a list of authority and status, each null or left out itself";

struct Line(Map<String, Value>);

/// Fields that are listed as unknown.
#[derive(Default)]
struct Lost {
    authority: bool,
    status: bool,
}

/// A field that holds text.
enum Text {
    LeftOut,
    Null,
    Given(String),
}

impl Text {
    /// The text where leaving it out and null mean the same.
    fn known(self) -> Option<String> {
        match self {
            Self::Given(text) => Some(text),
            Self::LeftOut | Self::Null => None,
        }
    }
}

impl Line {
    fn lost(&self) -> Result<Lost, Invalid> {
        let mut lost = Lost::default();
        for field in self.strings("unknown", LOST)?.unwrap_or_default() {
            let known = self.0.get(&field).is_some_and(|value| !value.is_null());
            match field.as_str() {
                "authority" if !known => lost.authority = true,
                "status" if !known => lost.status = true,
                _ => return Err(self.wrong("unknown", LOST)),
            }
        }
        Ok(lost)
    }

    fn sni(&self) -> Result<Option<String>, Invalid> {
        match self.text("sni", SNI)?.known() {
            Some(name) if name.is_empty() => Err(self.wrong("sni", SNI)),
            name => Ok(name),
        }
    }

    fn sni_state(&self, sni: Option<&str>) -> Result<SniState, Invalid> {
        let Some(name) = self.text("sni_state", SNI_STATE)?.known() else {
            return Ok(if sni.is_some() {
                SniState::Sent
            } else {
                SniState::Unknown
            });
        };
        SniState::ALL
            .into_iter()
            .find(|state| state.as_str() == name)
            .ok_or_else(|| self.wrong("sni_state", SNI_STATE))
    }

    fn certificate_names(&self) -> Result<Option<Vec<String>>, Invalid> {
        let names = self.strings("certificate_names", NAMES)?;
        let broken = |name: &String| match address_of(name) {
            Some(address) => address.parse::<std::net::IpAddr>().is_err(),
            None => name.starts_with("DNS:"),
        };
        if names.iter().flatten().any(broken) {
            return Err(self.wrong("certificate_names", NAMES));
        }
        Ok(names)
    }

    fn authority(&self, lost: bool, host_decides: bool) -> Result<Field<Cow<'static, str>>, Invalid> {
        let host_unknown = self.0.get("host").is_some_and(Value::is_null);
        match self.text("authority", AUTHORITY)? {
            _ if lost || host_unknown && host_decides => Ok(Field::Unknown),
            Text::Given(authority) => Ok(Field::Known(authority.into())),
            Text::Null | Text::LeftOut if host_unknown => Ok(Field::Unknown),
            Text::LeftOut if !self.0.contains_key("host") => Err(Invalid::Missing {
                field: "authority",
                expected: "at least one of authority and host; null and [] say that there was none",
            }),
            Text::Null | Text::LeftOut => Ok(Field::Absent),
        }
    }

    fn protocol(&self) -> Result<Protocol, Invalid> {
        let name = match self.text("protocol", PROTOCOL)? {
            Text::Given(name) => name,
            Text::Null => return Err(self.wrong("protocol", PROTOCOL)),
            Text::LeftOut => {
                return Err(Invalid::Missing {
                    field: "protocol",
                    expected: PROTOCOL,
                });
            }
        };
        Protocol::ALL
            .into_iter()
            .find(|protocol| protocol.as_str() == name)
            .ok_or_else(|| self.wrong("protocol", PROTOCOL))
    }

    fn method(&self) -> Result<Option<String>, Invalid> {
        match self.text("method", METHOD)? {
            Text::LeftOut => Ok(Some("GET".to_owned())),
            Text::Null => Ok(None),
            Text::Given(method) if method.is_empty() => Err(self.wrong("method", METHOD)),
            Text::Given(method) => Ok(Some(method)),
        }
    }

    fn status(&self, lost: bool) -> Result<Status, Invalid> {
        if lost {
            return Ok(Status::Unknown);
        }
        match self.0.get("status") {
            None => Err(Invalid::Missing {
                field: "status",
                expected: STATUS,
            }),
            Some(Value::Null) => Ok(Status::NoneCame),
            Some(value) => value
                .as_u64()
                .and_then(|code| u16::try_from(code).ok())
                .filter(|code| (100..=999).contains(code))
                .map(Status::Code)
                .ok_or_else(|| self.wrong("status", STATUS)),
        }
    }

    fn tls(&self, handshake: bool) -> Result<Option<bool>, Invalid> {
        match self.0.get("tls") {
            None => Ok(handshake.then_some(true)),
            Some(Value::Null) => Ok(None),
            Some(_) => self.boolean("tls", TLS),
        }
    }

    fn prior_authorities(&self) -> Result<Prior<'static>, Invalid> {
        let names = if self.0.contains_key("prior_authorities") {
            self.strings("prior_authorities", PRIOR)?
        } else {
            Some(Vec::new())
        };
        Ok(names.map_or(Prior::UNKNOWN, |names| Prior {
            names: names.into_iter().map(Into::into).collect(),
            complete: true,
        }))
    }

    fn learned(&self) -> Result<Learned, Invalid> {
        let mut learned = Learned::default();
        for name in self.strings("facts", LEARNED)?.unwrap_or_default() {
            if !learned.learn(&name) {
                return Err(self.wrong("facts", LEARNED));
            }
        }
        Ok(learned)
    }

    fn text(&self, field: &'static str, expected: &'static str) -> Result<Text, Invalid> {
        match self.0.get(field) {
            None => Ok(Text::LeftOut),
            Some(Value::Null) => Ok(Text::Null),
            Some(Value::String(text)) => Ok(Text::Given(text.clone())),
            Some(_) => Err(self.wrong(field, expected)),
        }
    }

    /// `None` if left out or null.
    fn strings(&self, field: &'static str, expected: &'static str) -> Result<Option<Vec<String>>, Invalid> {
        let items = match self.0.get(field) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.wrong(field, expected)),
        };
        let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
        match texts.collect::<Option<Vec<_>>>() {
            Some(texts) => Ok(Some(texts)),
            None => Err(self.wrong(field, expected)),
        }
    }

    /// `None` if left out.
    fn boolean(&self, field: &'static str, expected: &'static str) -> Result<Option<bool>, Invalid> {
        match self.0.get(field) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.wrong(field, expected)),
        }
    }

    fn wrong(&self, field: &'static str, expected: &'static str) -> Invalid {
        Invalid::Value {
            field,
            found: self.0.get(field).map_or_else(|| "nothing".to_owned(), shown),
            expected,
        }
    }
}

fn consistent(facts: &Facts<'_>) -> Result<(), Invalid> {
    let contradiction = |found: String, against, remedy| {
        Err(Invalid::Contradiction {
            found,
            against,
            remedy,
        })
    };
    let sni = || {
        let name = facts.sni.as_deref().unwrap_or_default().to_owned();
        format!("sni {}", shown(&Value::String(name)))
    };
    let state = || format!("sni_state \"{}\"", facts.sni_state.as_str());
    match (facts.sni_state, &facts.sni) {
        (SniState::Sent, None) => {
            return contradiction(state(), "sni null", "give the name, or sni_state \"unknown\"");
        }
        (SniState::Absent | SniState::Unknown, Some(_)) => {
            return contradiction(
                sni(),
                "the sni_state beside it",
                "leave sni out, or say sni_state \"sent\"",
            );
        }
        (SniState::Sent | SniState::OuterOnly, _) | (SniState::Absent | SniState::Unknown, None) => {}
    }
    if facts.tls == Some(false) {
        let remedy =
            "a hop without TLS has neither SNI, nor certificate, nor HTTP/3; say tls true, or leave them out";
        if matches!(facts.sni_state, SniState::Sent | SniState::OuterOnly) {
            return contradiction(state(), "tls false", remedy);
        }
        if facts
            .certificate_names
            .as_ref()
            .is_some_and(|names| !names.is_empty())
        {
            return contradiction("certificate_names".to_owned(), "tls false", remedy);
        }
        if facts.protocol == Protocol::H3 {
            return contradiction("protocol \"h3\"".to_owned(), "tls false", remedy);
        }
    }
    Ok(())
}

/// A foreign value, bounded.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
