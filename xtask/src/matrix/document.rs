//! What was measured, as it is written down: `docs/programs.json`, and the table of the README made from it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::report::{Counts, Program};
use crate::build::workspace;
use crate::rig::declared::may_be_unknown;

/// Stands before the table in the README.
const BEGIN: &str = "<!-- Made by `cargo xtask programs` from docs/programs.json. -->\n";
/// Stands behind it.
const END: &str = "<!-- End of the table. -->\n";

/// Columns of the README's table: a heading, and the facts that it is about.
const COLUMNS: &[(&str, &[&str])] = &[
    ("SNI", &["sni"]),
    (
        "authority, method, status",
        &["authority", "method", "status", "protocol"],
    ),
    ("request number", &["request"]),
    ("4-tuple", &["socket"]),
    ("ALPN, resumption", &["alpn", "resumed"]),
    ("certificate", &["certificate"]),
    ("process, role", &["pid", "exe", "role"]),
    ("other end", &["pair"]),
    ("verdict", &["verdict"]),
];

/// A measurement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The kernel it was made on, such as `6.18`.
    pub kernel: String,
    /// How each program came out.
    pub programs: Vec<Program>,
}

impl Document {
    /// What was just measured here.
    pub fn new(programs: Vec<Program>) -> Self {
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        let kernel = release
            .splitn(3, ['.', '-'])
            .take(2)
            .collect::<Vec<_>>()
            .join(".");
        Self { kernel, programs }
    }

    /// What was measured last.
    ///
    /// # Errors
    ///
    /// When the file is missing or of another form.
    pub fn read() -> Result<Self> {
        let path = path();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} has another form", path.display()))
    }

    /// Writes it down, and its table into the README.
    ///
    /// # Errors
    ///
    /// When a file cannot be written, or the README has no place for the table.
    pub fn write(&self) -> Result<()> {
        let mut json = serde_json::to_string_pretty(self).context("cannot write the result as JSON")?;
        json.push('\n');
        fs::write(path(), json).context("cannot write docs/programs.json")?;
        let text = fs::read_to_string(readme()).context("cannot read the README")?;
        let text = with_table(&text, &self.markdown()).context("the README has no place for the table")?;
        fs::write(readme(), text).context("cannot write the README")
    }

    /// Facts of which it says more than was measured now.
    pub fn overclaims(&self, measured: &[Program]) -> Vec<String> {
        let mut overclaims = Vec::new();
        for claim in &self.programs {
            let same = |program: &&Program| program.program == claim.program && program.side == claim.side;
            let Some(measured) = measured.iter().find(same) else {
                overclaims.push(format!("{} as {} was not measured", claim.program, claim.side));
                continue;
            };
            for protocol in claim
                .protocols
                .iter()
                .filter(|name| !measured.protocols.contains(name))
            {
                overclaims.push(format!("{} as {} spoke no {protocol}", claim.program, claim.side));
            }
            for (fact, claimed) in &claim.facts {
                let seen = measured.facts.get(fact).copied().unwrap_or_default();
                // What may be unknown varies from run to run.
                let varies = may_be_unknown(&claim.program, &claim.side, fact);
                let holds = if claimed.is_all_right() && !varies {
                    seen.is_all_right()
                } else {
                    claimed.right == 0 || seen.right > 0
                };
                if !holds {
                    overclaims.push(format!("{} as {}: {fact}", claim.program, claim.side));
                }
            }
        }
        overclaims
    }

    /// The table, each cell the share of requests of which every one of its facts is right.
    pub fn markdown(&self) -> String {
        let mut lines = vec![
            row(["program", "as", "speaks"]
                .into_iter()
                .chain(COLUMNS.iter().map(|(name, _)| *name))),
            row(std::iter::repeat_n("---", 3 + COLUMNS.len())),
        ];
        for program in &self.programs {
            let protocols = program.protocols.join(", ");
            let cells: Vec<String> = COLUMNS.iter().map(|(_, facts)| cell(program, facts)).collect();
            lines.push(row([program.program.as_str(), &program.side, &protocols]
                .into_iter()
                .chain(cells.iter().map(String::as_str))));
        }
        lines.concat()
    }

    /// Whether the README has this table.
    ///
    /// # Errors
    ///
    /// When there is no README, or no place for the table in it.
    pub fn is_in_readme(&self) -> Result<bool> {
        let text = fs::read_to_string(readme()).context("cannot read the README")?;
        let expected =
            with_table(&text, &self.markdown()).context("the README has no place for the table")?;
        Ok(text == expected)
    }
}

fn path() -> PathBuf {
    workspace().join("docs/programs.json")
}

fn readme() -> PathBuf {
    workspace().join("README.md")
}

/// The text with another table; `None`: it has no place for one.
fn with_table(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

fn row<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// The least of the shares, rounded down.
fn cell(program: &Program, facts: &[&str]) -> String {
    let shares = facts
        .iter()
        .filter_map(|fact| program.facts.get(*fact))
        .map(Counts::percentage);
    match shares.min() {
        Some(100) => "all".to_owned(),
        Some(0) | None => "–".to_owned(),
        Some(share) => format!("{share} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(sni: Counts) -> Program {
        Program {
            program: "nginx".to_owned(),
            side: "server".to_owned(),
            protocols: vec!["h2".to_owned()],
            library: "libssl.so.3".to_owned(),
            requests: 100,
            seen: 100,
            facts: [("sni".to_owned(), sni)].into(),
        }
    }

    const ALL: Counts = Counts {
        right: 100,
        unknown: 0,
        wrong: 0,
    };
    const SOME: Counts = Counts {
        right: 99,
        unknown: 1,
        wrong: 0,
    };

    #[test]
    fn the_readme_says_what_was_measured() {
        let document = Document::read().unwrap();
        assert!(
            document.is_in_readme().unwrap(),
            "`cargo xtask programs --readme` brings it up to date"
        );
    }

    #[test]
    fn nothing_wrong_was_written_down() {
        for program in Document::read().unwrap().programs {
            assert_eq!(program.seen, program.requests, "{}", program.program);
            for (fact, counts) in program.facts {
                assert_eq!(counts.wrong, 0, "{fact} of {}", program.program);
                assert!(
                    counts.unknown == 0 || may_be_unknown(&program.program, &program.side, &fact),
                    "{fact} of {}",
                    program.program
                );
            }
        }
    }

    #[test]
    fn a_claim_of_all_needs_all() {
        let claim = Document {
            kernel: String::new(),
            programs: vec![program(ALL)],
        };
        assert_eq!(claim.overclaims(&[program(ALL)]), [""; 0]);
        assert_eq!(claim.overclaims(&[program(SOME)]), ["nginx as server: sni"]);
        assert_eq!(claim.overclaims(&[]), ["nginx as server was not measured"]);
    }

    #[test]
    fn a_share_is_rounded_down() {
        let text = Document {
            kernel: String::new(),
            programs: vec![program(SOME)],
        };
        assert!(text.markdown().contains("| nginx | server | h2 | 99 % |"));
    }

    #[test]
    fn only_the_table_is_replaced() {
        let text = format!("a\n{BEGIN}old\n{END}b\n");
        assert_eq!(
            with_table(&text, "new\n").unwrap(),
            format!("a\n{BEGIN}\nnew\n\n{END}b\n")
        );
        assert_eq!(with_table("nothing", "new"), None);
    }
}
