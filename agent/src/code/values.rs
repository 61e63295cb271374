//! What a register can hold at some place of a function.

/// Values that are told apart. Where more ways meet, what they carry is called unknown beside these.
const LIMIT: usize = 24;

/// Something that a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A number, or an address that the code states.
    Constant(u64),
    /// What the function was handed as this argument, from 0 on.
    Argument(u8),
    /// The lower 32 bits of that.
    Low(u8),
    /// The address of a place in the function's own frame: the distance from the return address, if it is known.
    Frame(Option<i64>),
    /// What was loaded from so many bytes behind some address outside of the frame.
    Loaded(u64),
    /// An `int` that the last call gave back.
    Result,
    /// An `int` that is not above 0.
    Failed,
}

/// All that a register can hold, whichever way the program came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    known: Vec<Value>,
    unknown: bool,
}

impl Values {
    /// Anything.
    pub fn unknown() -> Self {
        Self {
            known: Vec::new(),
            unknown: true,
        }
    }

    /// Exactly this.
    pub fn only(value: Value) -> Self {
        Self {
            known: vec![value],
            unknown: false,
        }
    }

    /// Whether it is this, whichever way the program came.
    pub fn is_only(&self, value: Value) -> bool {
        !self.unknown && self.known == [value]
    }

    /// Whether some way leads here with this number.
    pub fn can_be(&self, number: u64) -> bool {
        self.known.contains(&Value::Constant(number))
    }

    /// Whether some way leads here with something that is not known.
    pub fn can_be_unknown(&self) -> bool {
        self.unknown
    }

    /// The numbers that it can be.
    pub fn constants(&self) -> impl Iterator<Item = u64> {
        self.known.iter().filter_map(|value| match value {
            Value::Constant(number) => Some(*number),
            _ => None,
        })
    }

    /// How much is known of it.
    pub(super) fn size(&self) -> usize {
        self.known.len()
    }

    /// Whether it is such, whichever way the program came.
    pub(super) fn all(&self, is_such: impl Fn(Value) -> bool) -> bool {
        !self.unknown && self.known.iter().all(|value| is_such(*value))
    }

    /// The one value that it is, whichever way the program came.
    pub fn single(&self) -> Option<Value> {
        match self.known[..] {
            [value] if !self.unknown => Some(value),
            _ => None,
        }
    }

    /// The places in the frame that it can be the address of.
    pub(super) fn frames(&self) -> impl Iterator<Item = Option<i64>> {
        self.known.iter().filter_map(|value| match value {
            Value::Frame(place) => Some(*place),
            _ => None,
        })
    }

    /// Whether some way leads here with an address in the frame.
    pub(super) fn can_be_frame(&self) -> bool {
        self.frames().next().is_some()
    }

    /// Whether it is an address in the frame, whichever way the program came.
    pub fn is_frame(&self) -> bool {
        !self.unknown && self.can_be_frame() && self.frames().count() == self.known.len()
    }

    /// Another way leads here; whether it carries something new.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        let mut grown = other.unknown && !self.unknown;
        self.unknown |= other.unknown;
        for value in &other.known {
            let Err(place) = self.known.binary_search(value) else {
                continue;
            };
            if self.known.len() < LIMIT {
                self.known.insert(place, *value);
                grown = true;
            } else if !self.unknown {
                self.unknown = true;
                grown = true;
            }
        }
        grown
    }

    /// The same with everything changed that is known; `None` makes it unknown.
    pub(super) fn map(&self, change: impl Fn(Value) -> Option<Value>) -> Self {
        let mut result = Self {
            known: Vec::new(),
            unknown: self.unknown,
        };
        for value in &self.known {
            match change(*value) {
                Some(value) => drop(result.join(&Self::only(value))),
                None => result.unknown = true,
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_that_meet_carry_what_each_carried() {
        let mut values = Values::only(Value::Constant(226));
        assert!(values.join(&Values::only(Value::Constant(215))));
        assert!(!values.join(&Values::only(Value::Constant(226))));
        assert_eq!(values.constants().collect::<Vec<_>>(), [215, 226]);
        assert!(!values.can_be_unknown());
        assert!(values.join(&Values::unknown()));
        assert!(values.can_be(215) && !values.is_only(Value::Constant(215)));
    }

    #[test]
    fn too_many_ways_are_unknown_beside_the_first_ones() {
        let mut values = Values::default();
        for number in 0..=LIMIT as u64 {
            assert!(values.join(&Values::only(Value::Constant(number))));
        }
        assert!(!values.join(&Values::only(Value::Constant(1000))));
        assert!(values.can_be_unknown());
        assert_eq!(values.constants().count(), LIMIT);
    }
}
