//! How each program came out: for people, and for the documentation.

use std::collections::BTreeMap;

use comfy_table::Table;
use serde::{Deserialize, Serialize};

use crate::rig::facts::Tally;
use crate::rig::ledger::Ledger;
use crate::style;

/// The facts, in the order of the table.
pub const FACTS: &[&str] = &[
    "sni",
    "authority",
    "status",
    "method",
    "protocol",
    "role",
    "request",
    "alpn",
    "resumed",
    "socket",
    "certificate",
    "pid",
    "exe",
    "pair",
    "verdict",
];

/// How one program came out on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// What it is called.
    pub program: String,
    /// `server` or `client`.
    pub side: String,
    /// Protocols that it spoke.
    pub protocols: Vec<String>,
    /// Its TLS library, as the agent names it, without its directory.
    pub library: String,
    /// Requests made.
    pub requests: usize,
    /// Requests seen.
    pub seen: usize,
    /// How each fact came out.
    pub facts: BTreeMap<String, Counts>,
}

/// A [`Tally`] as it is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// As it is.
    pub right: usize,
    /// `null`.
    pub unknown: usize,
    /// Something else.
    pub wrong: usize,
}

/// The result as it is written down, servers first.
pub fn programs(ledger: &Ledger) -> Vec<Program> {
    let mut programs: Vec<Program> = ledger
        .rows
        .iter()
        .map(|((program, side), row)| Program {
            program: program.clone(),
            side: (*side).to_owned(),
            protocols: row.protocols.iter().cloned().collect(),
            library: names(&row.libraries),
            requests: row.expected,
            seen: row.expected - row.missing,
            facts: row
                .facts
                .iter()
                .map(|(fact, tally)| ((*fact).to_owned(), Counts::from(*tally)))
                .collect(),
        })
        .collect();
    programs.sort_by_key(|program| program.side != "server");
    programs
}

/// A line for each program: how often each fact was right; with unknown and wrong ones `right/unknown/wrong`.
pub fn table(programs: &[Program]) -> Table {
    let mut table = Table::new();
    let columns = ["program", "side", "requests", "seen"];
    table
        .load_style(style::TABLE)
        .set_header(columns.iter().chain(FACTS));
    for program in programs {
        let mut row = vec![
            program.program.clone(),
            program.side.clone(),
            program.requests.to_string(),
            program.seen.to_string(),
        ];
        row.extend(
            FACTS
                .iter()
                .map(|fact| program.facts.get(*fact).map_or_else(String::new, Counts::brief)),
        );
        table.add_row(row);
    }
    table
}

/// File names of libraries.
fn names<'a>(paths: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = paths
        .into_iter()
        .map(|path| path.rsplit('/').next().unwrap_or(path))
        .collect();
    names.join(", ")
}

impl Counts {
    /// Whether it was right each time, and at least once.
    pub fn is_all_right(&self) -> bool {
        self.right > 0 && self.unknown + self.wrong == 0
    }

    /// Share of right ones, rounded down.
    pub fn percentage(&self) -> usize {
        let all = self.right + self.unknown + self.wrong;
        100 * self.right / all.max(1)
    }

    fn brief(&self) -> String {
        if self.unknown + self.wrong == 0 {
            self.right.to_string()
        } else {
            format!("{}/{}/{}", self.right, self.unknown, self.wrong)
        }
    }
}

impl From<Tally> for Counts {
    fn from(tally: Tally) -> Self {
        Self {
            right: tally.right,
            unknown: tally.unknown,
            wrong: tally.wrong,
        }
    }
}
