//! What following every path through a function showed, in terms that no machine matters to.

use super::value::{Path, Value};

/// Code by virtual address.
pub trait Code {
    /// Copies code from an address on; gives how many bytes there are, 0 where there is none.
    fn fetch(&self, address: u64, buffer: &mut [u8]) -> usize;
}

/// What a path has learned about values by testing them: whether each is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts(Vec<(Path, bool)>);

impl Facts {
    /// Whether a value is zero, if the path has tested it.
    pub fn is_zero(&self, path: Path) -> Option<bool> {
        let known = self.0.iter().find(|(known, _)| *known == path)?;
        Some(known.1)
    }

    /// Remembers the result of a test.
    pub fn learn(&mut self, path: Path, zero: bool) {
        if self.is_zero(path).is_none() {
            self.0.push((path, zero));
        }
    }

    /// The value with what is known put in.
    pub fn resolve(&self, value: Value) -> Value {
        match value {
            Value::Place(path, displacement) if self.is_zero(path) == Some(true) => {
                Value::Constant(0).plus(displacement)
            }
            _ => value,
        }
    }
}

/// Something that a path did, under the facts it knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed<T> {
    /// What.
    pub what: T,
    /// What the path had learned.
    pub facts: Facts,
}

/// A write to memory outside the function's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    /// The pointer that it goes through, without its displacement.
    pub pointer: Path,
    /// Displacement from the pointer in bytes.
    pub displacement: i64,
    /// What is written.
    pub value: Value,
    /// How many bytes.
    pub width: u8,
}

/// The first three arguments of a call, tail calls included, or of a copy instruction in the place of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call(pub [Value; 3]);

/// How far the paths could be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every path to its end.
    Complete,
    /// Every path, each loop once.
    OncePerLoop,
    /// A limit was reached.
    TooComplex,
    /// A path led to something that is no code.
    Undecodable,
}

/// What all paths through a function showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exploration {
    /// Values that it returns.
    pub returns: Vec<Observed<Value>>,
    /// Memory that it writes.
    pub stores: Vec<Observed<Store>>,
    /// Functions that it calls.
    pub calls: Vec<Observed<Call>>,
    /// How far this is all.
    pub extent: Extent,
}

impl Exploration {
    /// Nothing seen yet.
    pub const fn new() -> Self {
        Self {
            returns: Vec::new(),
            stores: Vec::new(),
            calls: Vec::new(),
            extent: Extent::Complete,
        }
    }

    /// Notes a shortcoming; the worst one stays.
    pub fn limit(&mut self, extent: Extent) {
        if self.extent == Extent::Complete || self.extent == Extent::OncePerLoop {
            self.extent = extent;
        }
    }
}

impl Default for Exploration {
    fn default() -> Self {
        Self::new()
    }
}
