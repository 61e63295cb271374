//! What was measured, and the table of it.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table};

use super::load::Workload;
use crate::style;

/// Who observes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Observer {
    /// Nobody.
    Nobody,
    /// Programs that do nothing, at entry and return of the exported functions.
    EmptyExported,
    /// The same, where this agent's probes go.
    EmptySites,
    /// This agent.
    Wrongway,
}

impl Observer {
    pub(super) const ALL: [Self; 4] = [
        Self::Nobody,
        Self::EmptyExported,
        Self::EmptySites,
        Self::Wrongway,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "no agent",
            Self::EmptyExported => "empty probes, exported functions",
            Self::EmptySites => "empty probes, Wrongway's sites",
            Self::Wrongway => "Wrongway",
        }
    }
}

/// One figure for each round.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Requests a second.
    rates: BTreeMap<(Workload, Observer), Vec<f64>>,
    /// Hits of probes in libraries for each request, of the server alone.
    traps: BTreeMap<Workload, Vec<f64>>,
}

impl Figures {
    pub(super) fn rate(&mut self, workload: Workload, observer: Observer, rate: f64) {
        self.rates.entry((workload, observer)).or_default().push(rate);
    }

    pub(super) fn traps(&mut self, workload: Workload, traps: f64) {
        self.traps.entry(workload).or_default().push(traps);
    }

    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(style::TABLE).set_header([
            "load",
            "no agent",
            "empty, exported",
            "empty, sites",
            "Wrongway",
            "of empty, sites",
            "of empty, exported",
            "traps a request",
        ]);
        for workload in Workload::ALL {
            let [nobody, exported, sites, wrongway] = Observer::ALL
                .map(|observer| median(self.rates.get(&(workload, observer)).map_or(&[], Vec::as_slice)));
            let traps = median(self.traps.get(&workload).map_or(&[], Vec::as_slice));
            table.add_row([
                workload.name().to_owned(),
                format!("{nobody:.0}"),
                share(exported, nobody),
                share(sites, nobody),
                share(wrongway, nobody),
                share(wrongway, sites),
                share(wrongway, exported),
                format!("{traps:.2}"),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

/// A dash where one of them was not measured.
pub(super) fn share(part: f64, whole: f64) -> String {
    let share = 100.0 * part / whole;
    if share.is_nan() {
        "–".to_owned()
    } else {
        format!("{share:.1} %")
    }
}

/// The middle figure, or the mean of the two in the middle; not a number where there is none.
pub(super) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_a_dash() {
        assert_eq!(share(1.0, 2.0), "50.0 %");
        assert_eq!(share(median(&[]), 2.0), "–");
    }

    #[test]
    fn medians() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }
}
