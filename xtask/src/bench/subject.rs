//! Which servers are measured.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::rig::library::with_tls;
use crate::rig::python::{self, Python};
use crate::rig::scratch::Scratch;
use crate::rig::servers::{Measured, PROGRAMS, Server};

/// A server that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// It reads files.
    Nginx,
    /// It holds the small answer, and fetches the others.
    Haproxy,
    /// It holds all answers.
    Node,
    /// It holds the small answer, and fetches the others.
    Envoy,
}

impl Subject {
    pub(super) const ALL: [Self; 4] = [Self::Nginx, Self::Haproxy, Self::Node, Self::Envoy];

    /// Its name, which is its program's.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Node => "node",
            Self::Envoy => "envoy",
        }
    }

    /// Where it comes from. Envoy comes with a Python package.
    pub(super) const fn package(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Node => "nodejs",
            Self::Envoy => python::PACKAGE,
        }
    }

    /// Whether it asks another server for the large answers.
    pub(super) const fn fetches(self) -> bool {
        match self {
            Self::Nginx | Self::Node => false,
            Self::Haproxy | Self::Envoy => true,
        }
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    ///
    /// When it cannot be started; the message has its log.
    pub(super) fn start(self, scratch: &Scratch, measured: Measured) -> Result<Server> {
        let program = PROGRAMS
            .iter()
            .find(|program| program.name == self.name())
            .with_context(|| format!("the rig has no server called {}", self.name()))?;
        let python = (self == Self::Envoy).then(Python::ready).transpose()?;
        program.start_measured(scratch, python.as_ref(), measured)
    }
}

/// The file whose functions a server calls for TLS.
///
/// # Errors
///
/// When the server has ended.
pub(super) fn library_of(server: &Server) -> Result<PathBuf> {
    Ok(with_tls(&server.executable()?))
}

/// What `--server` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    One(Subject),
    All,
}

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::One(Subject::Nginx),
            Self::One(Subject::Haproxy),
            Self::One(Subject::Node),
            Self::One(Subject::Envoy),
            Self::All,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::One(subject) => subject.name(),
            Self::All => "all",
        }))
    }
}

/// The servers that were chosen, each once, always in the same order.
pub(super) fn chosen(choices: &[Choice]) -> Vec<Subject> {
    let is_chosen = |subject| {
        choices
            .iter()
            .any(|choice| matches!(choice, Choice::All) || *choice == Choice::One(subject))
    };
    Subject::ALL
        .into_iter()
        .filter(|subject| is_chosen(*subject))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_measured_once() {
        let [one, other] = [Subject::Node, Subject::Nginx].map(Choice::One);
        assert_eq!(chosen(&[one, other, one]), [Subject::Nginx, Subject::Node]);
        assert_eq!(chosen(&[one, Choice::All]), Subject::ALL);
    }

    #[test]
    fn every_server_can_be_named() {
        for subject in Subject::ALL {
            assert_eq!(Choice::from_str(subject.name(), false), Ok(Choice::One(subject)));
            assert!(PROGRAMS.iter().any(|program| program.name == subject.name()));
        }
        assert_eq!(Choice::from_str("all", false), Ok(Choice::All));
    }
}
