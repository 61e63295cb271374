//! Runs `wrongway check`, and reads what came of it.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::server::Server;

pub(crate) fn wrongway(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wrongway"))
        .arg("check")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Asks a server for `a.example`, and with further arguments.
pub(crate) fn check(server: &Server, arguments: &[&str]) -> Output {
    let connect = format!("127.0.0.1:{}", server.port);
    let mut all = vec!["https://a.example/", "--connect", &connect];
    all.extend(arguments);
    wrongway(&all)
}

/// What came of it, in JSON.
pub(crate) struct Checked {
    pub(crate) code: Option<i32>,
    pub(crate) objects: Vec<Value>,
}

impl Checked {
    pub(crate) fn of(server: &Server, arguments: &[&str]) -> Self {
        let output = check(server, &[arguments, &["--json"]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let objects = text.lines().map(|line| serde_json::from_str(line).unwrap());
        Self {
            code: output.status.code(),
            objects: objects.collect(),
        }
    }

    pub(crate) fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.objects
            .iter()
            .filter(|object| object["kind"] == kind)
            .collect()
    }

    /// Level and code of every finding.
    pub(crate) fn findings(&self) -> Vec<(&str, &str)> {
        let finding = |object: &&Value| {
            let member = |name: &str| -> Option<String> { Some(object[name].as_str()?.to_owned()) };
            (member("level").unwrap(), member("code").unwrap())
        };
        let mut found: Vec<(String, String)> = self.of_kind("finding").iter().map(finding).collect();
        found.sort();
        found.dedup();
        found
            .into_iter()
            .map(|(level, code)| (&*level.leak(), &*code.leak()))
            .collect()
    }

    /// The answers to one authority on one kind of connection.
    pub(crate) fn answers(
        &self,
        protocol: &str,
        connection: &str,
        sni: Option<&str>,
        authority: &str,
    ) -> Vec<&Value> {
        let mut answers = self.of_kind("answer");
        answers.retain(|answer| {
            answer["protocol"] == protocol
                && answer["connection"] == connection
                && answer["sni"].as_str() == sni
                && answer["authority"] == authority
        });
        answers
    }

    pub(crate) fn answer(
        &self,
        protocol: &str,
        connection: &str,
        sni: Option<&str>,
        authority: &str,
    ) -> &Value {
        let answers = self.answers(protocol, connection, sni, authority);
        assert_eq!(answers.len(), 1, "{:#?}", self.objects);
        answers[0]
    }
}

pub(crate) const A: Option<&str> = Some("a.example");
pub(crate) const B: Option<&str> = Some("b.example");
