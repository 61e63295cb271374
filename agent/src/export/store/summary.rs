//! Every exchange since the start, counted by what an operator would group by.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::export::view::{Exchange, SummaryLine};

/// Counts by verdict, role, SNI, authority and executable. Names come from the network, so the number of
/// lines is bounded; what finds no room is counted in one line named `other`.
#[derive(Debug)]
pub(super) struct Summary {
    lines: HashMap<Key, SummaryLine>,
    other: Option<SummaryLine>,
    capacity: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    verdict: String,
    role: Option<String>,
    sni: Option<String>,
    sni_state: String,
    authority: Option<String>,
    exe: Option<String>,
}

impl Summary {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            lines: HashMap::new(),
            other: None,
            capacity,
        }
    }

    /// Counts `exchange`; false if it had to go into the line `other`.
    pub(super) fn count(&mut self, exchange: &Exchange) -> bool {
        let key = Key {
            verdict: exchange.verdict.clone(),
            role: exchange.role.clone(),
            sni: exchange.sni.clone(),
            sni_state: exchange.sni_state.clone(),
            authority: exchange.authority.clone(),
            exe: exchange.process.exe.clone(),
        };
        if let Some(line) = self.lines.get_mut(&key) {
            add(line, exchange);
            return true;
        }
        if self.lines.len() < self.capacity {
            self.lines.insert(key, line_of(exchange));
            return true;
        }
        match &mut self.other {
            Some(line) => add(line, exchange),
            None => self.other = Some(other_of(exchange)),
        }
        false
    }

    /// All lines, what deserves attention first: findings, then what is undecided, then what is fine, each
    /// from the most to the least frequent; `other` comes last.
    pub(super) fn lines(&self) -> Vec<SummaryLine> {
        let mut lines: Vec<_> = self.lines.values().cloned().collect();
        lines.sort_by(|a, b| rank(a).cmp(&rank(b)));
        lines.extend(self.other.clone());
        lines
    }
}

fn rank(line: &SummaryLine) -> impl Ord + use<'_> {
    let class = match line.class.as_str() {
        "fine" => 2,
        "undecided" => 1,
        _ => 0,
    };
    (
        class,
        Reverse(line.count),
        &line.verdict,
        &line.authority,
        &line.sni,
        &line.role,
        &line.exe,
    )
}

fn add(line: &mut SummaryLine, exchange: &Exchange) {
    line.count += 1;
    line.last.clone_from(&exchange.time);
}

fn line_of(exchange: &Exchange) -> SummaryLine {
    SummaryLine {
        verdict: exchange.verdict.clone(),
        class: exchange.class.clone(),
        role: exchange.role.clone(),
        sni: exchange.sni.clone(),
        sni_state: exchange.sni_state.clone(),
        authority: exchange.authority.clone(),
        exe: exchange.process.exe.clone(),
        count: 1,
        first: exchange.time.clone(),
        last: exchange.time.clone(),
    }
}

fn other_of(exchange: &Exchange) -> SummaryLine {
    SummaryLine {
        verdict: "other".to_owned(),
        class: "other".to_owned(),
        role: None,
        sni: None,
        sni_state: "unknown".to_owned(),
        authority: None,
        exe: None,
        count: 1,
        first: exchange.time.clone(),
        last: exchange.time.clone(),
    }
}
