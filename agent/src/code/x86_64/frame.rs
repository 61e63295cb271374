//! What a function keeps in its own frame.

use std::collections::BTreeMap;

use crate::code::{Value, Values};

/// Places that are remembered.
const LIMIT: usize = 128;
/// Longest value that is remembered, in bytes.
const LONGEST: i64 = 8;

/// Values by their distance from the return address, which is negative, and their size in bytes.
///
/// Whoever is given the address of a place may write there and above: objects reach upwards from their address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    places: BTreeMap<i64, (i64, Values)>,
    /// The lowest place whose address was given away.
    shared: i64,
}

impl Frame {
    pub(super) fn new() -> Self {
        Self {
            places: BTreeMap::new(),
            shared: i64::MAX,
        }
    }

    /// Another way leads here; whether it changes what is known.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        let before = self.places.len();
        self.places
            .retain(|place, (size, _)| other.places.get(place).is_some_and(|(same, _)| same == size));
        let mut news = self.places.len() < before || other.shared < self.shared;
        self.shared = self.shared.min(other.shared);
        for (place, (_, values)) in &mut self.places {
            news |= values.join(&other.places[place].1);
        }
        news
    }

    /// What is known for sure, by its distance from the return address: whole words, and the lower halves of arguments.
    pub(super) fn held(&self) -> impl Iterator<Item = (i64, Value)> {
        self.places.iter().filter_map(|(place, (size, values))| {
            let value = match (*size, values.single()?) {
                (LONGEST, value) => value,
                (_, Value::Argument(number) | Value::Low(number)) => Value::Low(number),
                _ => return None,
            };
            Some((*place, value))
        })
    }

    /// Changes whatever is known; `None` makes it unknown.
    pub(super) fn change(&mut self, change: impl Fn(Value) -> Option<Value>) {
        for (_, values) in self.places.values_mut() {
            *values = values.map(&change);
        }
    }

    /// What lies at an address.
    pub(super) fn read(&self, address: &Values, size: usize) -> Values {
        let known = single(address).and_then(|place| self.places.get(&place));
        match known {
            Some((whole, values))
                if usize::try_from(*whole).is_ok_and(|whole| size <= whole && size >= 4) =>
            {
                values.clone()
            }
            _ => Values::unknown(),
        }
    }

    /// Something is written to an address, which need not be in the frame.
    pub(super) fn write(&mut self, address: &Values, size: usize, values: Values) {
        self.give_away(&values);
        let Some(place) = single(address) else {
            self.foreign();
            let lowest = address.frames().map(|place| place.unwrap_or(i64::MIN)).min();
            match lowest {
                // It may be any place of an object, but of none that nobody took the address of.
                Some(lowest) if address.can_be_unknown() && lowest < self.shared => self.clear(),
                Some(lowest) => self.clear_from(lowest),
                None => {}
            }
            return;
        };
        // Copies of a length that is not known may reach to the end.
        let size = i64::try_from(size)
            .ok()
            .filter(|&size| size > 0)
            .unwrap_or(i64::MAX);
        let end = place.saturating_add(size);
        self.places
            .retain(|&other, (length, _)| other.saturating_add(*length) <= place || other >= end);
        if matches!(size, 4 | LONGEST) && self.places.len() < LIMIT {
            self.places.insert(place, (size, values));
        }
    }

    /// An address is handed to somebody, or kept where others find it.
    pub(super) fn give_away(&mut self, address: &Values) {
        for place in address.frames() {
            self.shared = self.shared.min(place.unwrap_or(i64::MIN));
        }
    }

    /// Others write where they can.
    pub(super) fn foreign(&mut self) {
        self.clear_from(self.shared);
    }

    fn clear_from(&mut self, lowest: i64) {
        self.places
            .retain(|&place, (size, _)| place.saturating_add(*size) <= lowest);
    }

    /// What lies below the top of the stack is anybody's.
    pub(super) fn clear_below(&mut self, top: i64) {
        self.places.retain(|&place, _| place >= top);
    }

    /// How much is known.
    pub(super) fn size(&self) -> usize {
        self.places.values().map(|(_, values)| values.size() + 1).sum()
    }

    /// Nothing is known any more.
    pub(super) fn clear(&mut self) {
        self.places.clear();
    }
}

fn single(address: &Values) -> Option<i64> {
    let mut frames = address.frames();
    let place = frames.next()??;
    address.is_only(Value::Frame(Some(place))).then_some(place)
}
