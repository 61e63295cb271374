//! Which questions are asked, and in which order. Nothing is sent here.

use std::fmt;

use thiserror::Error;

use super::target::{HTTPS, Target};
use crate::verdict::Protocol;
use crate::verdict::name::{Authority, Host};

/// Most names that a server is asked for. Questions grow with the square of their number.
pub const MOST_NAMES: usize = 16;
/// A server name that nobody serves (RFC 6761, section 6.4).
pub const UNRELATED: &str = "wrongway-check.invalid";
/// Versions that are asked for, in this order.
pub const PROTOCOLS: [Protocol; 2] = [Protocol::H2, Protocol::Http11];

/// What a `ClientHello` says of the server's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sni {
    /// This name.
    Sent(String),
    /// Nothing.
    Absent,
}

impl Sni {
    /// What a client sends that dials `host`: no address can be sent (RFC 6066, section 3).
    pub fn of(host: &Host) -> Self {
        match host {
            Host::Name(name) => Self::Sent(name.clone()),
            Host::Address(_) => Self::Absent,
        }
    }

    /// The name, if one is sent.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Sent(name) => Some(name),
            Self::Absent => None,
        }
    }

    /// What a connection was made for, to be read on after "a connection".
    pub fn made_for(&self) -> String {
        match self {
            Self::Sent(name) => format!("for {name}"),
            Self::Absent => "without SNI".to_owned(),
        }
    }
}

impl fmt::Display for Sni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("no SNI"))
    }
}

/// On which connection a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connection {
    /// On the one that carries a request for the URL's host first, and then for every other name.
    Shared,
    /// On one of its own.
    Fresh,
}

impl Connection {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Fresh => "fresh",
        }
    }
}

/// How an authority is written. None of it may count (RFC 9110, sections 4.2.2 and 4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spelling {
    /// As clients write it.
    Plain,
    /// In upper case.
    UpperCase,
    /// With a dot at the end of the name.
    TrailingDot,
    /// With the default port, or without the port that is not the default.
    Port,
}

impl Spelling {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::UpperCase => "upper_case",
            Self::TrailingDot => "trailing_dot",
            Self::Port => "port",
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// Version of HTTP.
    pub protocol: Protocol,
    /// On which connection.
    pub connection: Connection,
    /// What that connection was made for.
    pub sni: Sni,
    /// The name that is asked for.
    pub name: Host,
    /// As it is sent in `:authority` or `Host`.
    pub authority: String,
    /// How that is written.
    pub spelling: Spelling,
}

impl Question {
    /// Whether it is asked on a connection that was made for its name.
    pub fn is_own(&self) -> bool {
        self.sni == Sni::of(&self.name)
    }
}

/// More names than [`MOST_NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} names are more than {MOST_NAMES}, with the URL's host: ask for them in several runs")]
pub struct TooMany(usize);

/// The questions for one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    names: Vec<Host>,
    port: u16,
}

impl Plan {
    /// Plans what to ask the server of `target`, for its host and for the other names.
    ///
    /// # Errors
    /// If there are too many names.
    pub fn new(target: &Target, also: &[Host]) -> Result<Self, TooMany> {
        let mut names = vec![target.host.clone()];
        for name in also {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        if names.len() > MOST_NAMES {
            return Err(TooMany(names.len()));
        }
        Ok(Self {
            names,
            port: target.port,
        })
    }

    /// The names that are asked for, the URL's host first.
    pub fn names(&self) -> &[Host] {
        &self.names
    }

    /// The URL's host.
    pub fn host(&self) -> &Host {
        &self.names[0]
    }

    /// The server names that are dialled: each of the names, none, and one that nobody serves.
    pub fn server_names(&self) -> Vec<Sni> {
        let mut found: Vec<Sni> = Vec::new();
        let others = [Sni::Absent, Sni::Sent(UNRELATED.to_owned())];
        for sni in self.names.iter().map(Sni::of).chain(others) {
            if !found.contains(&sni) {
                found.push(sni);
            }
        }
        found
    }

    /// What is asked over one version of HTTP. The first question is the plainest: the URL's host on a fresh
    /// connection of its own. Then come those on the shared connection, then the other fresh ones.
    pub fn questions(&self, protocol: Protocol) -> Vec<Question> {
        let question = |connection, sni: &Sni, name: &Host, spelling, authority| Question {
            protocol,
            connection,
            sni: sni.clone(),
            name: name.clone(),
            authority,
            spelling,
        };
        let plain = |connection, sni: &Sni, name: &Host| {
            question(connection, sni, name, Spelling::Plain, self.authority(name))
        };
        let host = self.host();
        let own = Sni::of(host);
        let mut questions = vec![plain(Connection::Fresh, &own, host)];
        questions.extend(
            self.names
                .iter()
                .map(|name| plain(Connection::Shared, &own, name)),
        );
        questions.extend(
            self.spellings()
                .into_iter()
                .map(|(spelling, authority)| question(Connection::Shared, &own, host, spelling, authority)),
        );
        for sni in self.server_names() {
            for name in &self.names {
                if (&sni, name) != (&own, host) {
                    questions.push(plain(Connection::Fresh, &sni, name));
                }
            }
        }
        questions
    }

    /// How many connections and requests there are, if the server speaks every version.
    pub fn size(&self) -> usize {
        let questions = PROTOCOLS.map(|protocol| self.questions(protocol).len());
        self.server_names().len() + questions.iter().sum::<usize>()
    }

    /// The authority of a name, as clients write it: with a port that is not the default.
    pub fn authority(&self, name: &Host) -> String {
        authority_with(name, (self.port != HTTPS).then_some(self.port))
    }

    fn spellings(&self) -> Vec<(Spelling, String)> {
        let host = self.host();
        let plain = self.authority(host);
        let mut spellings = Vec::new();
        if let Host::Name(name) = host {
            let suffix = &plain[name.len()..];
            spellings.push((
                Spelling::UpperCase,
                format!("{}{suffix}", name.to_ascii_uppercase()),
            ));
            spellings.push((Spelling::TrailingDot, format!("{name}.{suffix}")));
        }
        let other_port = (self.port == HTTPS).then_some(HTTPS);
        spellings.push((Spelling::Port, authority_with(host, other_port)));
        spellings.retain(|(_, authority)| *authority != plain);
        spellings
    }
}

fn authority_with(name: &Host, port: Option<u16>) -> String {
    Authority {
        host: name.clone(),
        port,
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::check::target;

    fn plan(url: &str, also: &[&str]) -> Plan {
        let also: Vec<Host> = also.iter().map(|raw| target::name(raw).unwrap()).collect();
        Plan::new(&url.parse().unwrap(), &also).unwrap()
    }

    fn lines(plan: &Plan, protocol: Protocol) -> Vec<String> {
        let line = |question: Question| {
            let Question {
                connection,
                sni,
                authority,
                ..
            } = question;
            format!("{} {sni} -> {authority}", connection.as_str())
        };
        plan.questions(protocol).into_iter().map(line).collect()
    }

    #[test]
    fn every_pair_is_asked_on_a_fresh_connection_and_every_name_on_the_shared_one() {
        let plan = plan("https://a.example", &["b.example", "A.example."]);
        insta::assert_snapshot!(lines(&plan, Protocol::H2).join("\n"), @r"
        fresh a.example -> a.example
        shared a.example -> a.example
        shared a.example -> b.example
        shared a.example -> A.EXAMPLE
        shared a.example -> a.example.
        shared a.example -> a.example:443
        fresh a.example -> b.example
        fresh b.example -> a.example
        fresh b.example -> b.example
        fresh no SNI -> a.example
        fresh no SNI -> b.example
        fresh wrongway-check.invalid -> a.example
        fresh wrongway-check.invalid -> b.example
        ");
    }

    #[test]
    fn another_port_is_written_as_clients_write_it() {
        let plan = plan("https://a.example:8443", &["b.example"]);
        insta::assert_snapshot!(lines(&plan, Protocol::Http11)[..6].join("\n"), @r"
        fresh a.example -> a.example:8443
        shared a.example -> a.example:8443
        shared a.example -> b.example:8443
        shared a.example -> A.EXAMPLE:8443
        shared a.example -> a.example.:8443
        shared a.example -> a.example
        ");
    }

    #[test]
    fn an_address_is_dialled_without_a_name() {
        let plan = plan("https://[::1]:8443", &[]);
        insta::assert_snapshot!(lines(&plan, Protocol::Http11).join("\n"), @r"
        fresh no SNI -> [::1]:8443
        shared no SNI -> [::1]:8443
        shared no SNI -> [::1]
        fresh wrongway-check.invalid -> [::1]:8443
        ");
    }

    #[rstest]
    #[case::as_many_as_may_be(15, None)]
    #[case::one_too_many(16, Some(TooMany(17)))]
    fn names_are_bounded(#[case] others: usize, #[case] error: Option<TooMany>) {
        let also: Vec<Host> = (0..others)
            .map(|number| Host::Name(format!("n{number}.example")))
            .collect();
        assert_eq!(
            Plan::new(&"https://a.example".parse().unwrap(), &also).err(),
            error
        );
    }

    proptest! {
        #[test]
        fn no_question_is_asked_twice(
            labels in prop::collection::vec("[a-c]{1,2}", 0..8),
            port in 1..=65_535_u16,
        ) {
            let also: Vec<Host> = labels.into_iter().map(Host::Name).collect();
            let target: Target = format!("https://a:{port}").parse().unwrap();
            let plan = Plan::new(&target, &also).unwrap();
            for protocol in PROTOCOLS {
                let questions = plan.questions(protocol);
                let distinct: HashSet<_> = questions.iter().collect();
                prop_assert_eq!(distinct.len(), questions.len());
                prop_assert!(questions[0].is_own() && questions[0].name == *plan.host());
            }
        }
    }
}
