//! One rule, and every combination of its labels that is worth remembering.

use std::borrow::Cow;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState};

use hashbrown::HashTable;

use super::change::Alert;
use super::combination::{Combination, Teller};
use super::label::OTHER;
use super::observation::{Explanation, Observation};
use super::rule::{Per, Rule};
use super::window::Grid;

/// A rule at work.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) rule: Rule,
    grid: Grid,
    combinations: Combinations,
}

/// What a rule tells apart.
#[derive(Clone, Debug)]
struct Combinations {
    table: HashTable<Combination>,
    hasher: RandomState,
    /// Takes what finds no room.
    other: Combination,
}

impl Watch {
    pub(super) fn new(rule: Rule) -> Self {
        let others = rule.per.iter().map(|_| OTHER.into()).collect();
        Self {
            grid: Grid::new(rule.window),
            combinations: Combinations {
                table: HashTable::new(),
                hasher: RandomState::new(),
                other: Combination::new(others),
            },
            rule,
        }
    }

    /// Counts an exchange that the rule is about, in one of at most `limit` combinations or in the one for others.
    pub(super) fn observe(
        &mut self,
        observation: &Observation<'_>,
        now: u64,
        limit: usize,
        explain: impl FnOnce() -> Explanation,
        teller: &mut Teller,
    ) {
        // A rule names each kind once: there are no more values than kinds.
        let mut values = [const { Cow::Borrowed("") }; Per::ALL.len()];
        let used = self.rule.per.len().min(values.len());
        for (value, per) in values.iter_mut().zip(&self.rule.per) {
            *value = observation.value(*per);
        }
        self.combinations.of(&values[..used], limit).observe(
            &self.rule,
            self.grid,
            observation,
            now,
            explain,
            teller,
        );
    }

    /// Lets time pass until `now`, and forgets what fell quiet.
    pub(super) fn advance(&mut self, now: u64, teller: &mut Teller) {
        let (rule, grid) = (&self.rule, self.grid);
        self.combinations.other.advance(rule, grid, now, teller);
        self.combinations.table.retain(|combination| {
            combination.advance(rule, grid, now, teller);
            !combination.is_forgettable()
        });
    }

    /// Ends every alert.
    pub(super) fn abandon(mut self, now: u64, teller: &mut Teller) {
        let Combinations { table, other, .. } = &mut self.combinations;
        for combination in table.iter_mut().chain([other]) {
            combination.advance(&self.rule, self.grid, now, teller);
            combination.abandon(&self.rule, now, teller);
        }
    }

    /// Alerts that fire.
    pub(super) fn firing(&self) -> impl Iterator<Item = &Alert> {
        let Combinations { table, other, .. } = &self.combinations;
        table.iter().chain([other]).filter_map(Combination::alert)
    }

    /// Combinations that are remembered, beside the one for others.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.combinations.table.len()
    }
}

impl Combinations {
    /// The combination of these values, or the one for others if there is no room for it.
    fn of(&mut self, values: &[Cow<'_, str>], limit: usize) -> &mut Combination {
        let hash = hash(&self.hasher, values.iter().map(AsRef::as_ref));
        let same = |combination: &Combination| {
            let theirs = combination.values.iter().map(AsRef::as_ref);
            theirs.eq(values.iter().map(AsRef::<str>::as_ref))
        };
        if self.table.find(hash, same).is_none() {
            if self.table.len() >= limit {
                return &mut self.other;
            }
            let values = values.iter().map(|value| value.as_ref().into()).collect();
            let hasher = &self.hasher;
            self.table
                .insert_unique(hash, Combination::new(values), |combination| {
                    self::hash(hasher, combination.values.iter().map(AsRef::as_ref))
                });
        }
        self.table.find_mut(hash, same).unwrap_or(&mut self.other)
    }
}

fn hash<'a>(hasher: &RandomState, values: impl Iterator<Item = &'a str>) -> u64 {
    let mut state = hasher.build_hasher();
    values.for_each(|value| value.hash(&mut state));
    state.finish()
}
