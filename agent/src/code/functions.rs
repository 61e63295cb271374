//! Where functions begin and end, as the tables for unwinding say. They survive stripping.

use std::collections::HashMap;

use gimli::{BaseAddresses, CieOrFde, EhFrame, LittleEndian, UnwindSection};

use super::{Architecture, Program, fallback};

/// Bytes of the table that are read. Browsers and databases have about twenty million.
const TABLE_LIMIT: u64 = 64 << 20;
/// Functions that are kept.
const LIMIT: usize = 4 << 20;
/// Longest function that is believed.
const LONGEST: u64 = 16 << 20;

/// How well the end of a function is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// The program's own table states it.
    Stated,
    /// It is where the next one seems to begin.
    Assumed,
}

/// The extent of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Address of its first instruction.
    pub start: u64,
    /// Address behind its last byte.
    pub end: u64,
    /// How well that is known.
    pub bounds: Bounds,
}

impl Function {
    /// Whether an address lies in it.
    pub fn contains(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }
}

/// The extents that a program states.
#[derive(Debug, Default)]
pub struct Functions {
    /// Start and length, sorted by start, each start once.
    entries: Vec<(u64, u32)>,
    /// What is assumed where nothing is stated, sorted by start.
    assumed: Vec<Function>,
}

impl Functions {
    /// Reads the table of a program. Where it is damaged, what stands before the damage counts.
    pub fn read(program: &Program) -> Self {
        let Some(place) = program.unwind() else {
            return Self::default();
        };
        let size = usize::try_from(place.size.min(TABLE_LIMIT)).unwrap_or(0);
        let mut bytes = vec![0; size];
        let length = program.bytes(place.address, &mut bytes);
        Self::parse(program, place.address, &bytes[..length])
    }

    fn parse(program: &Program, address: u64, bytes: &[u8]) -> Self {
        let mut table = EhFrame::new(bytes, LittleEndian);
        table.set_address_size(8);
        let bases = BaseAddresses::default().set_eh_frame(address);
        let mut common = HashMap::new();
        let mut entries = Vec::new();
        let mut rest = table.entries(&bases);
        while let Ok(Some(entry)) = rest.next() {
            let CieOrFde::Fde(partial) = entry else { continue };
            // Thousands of functions share a few descriptions of how to read them.
            let parsed = partial.parse(|table, bases, offset| {
                if let Some(known) = common.get(&offset) {
                    return Ok(Clone::clone(known));
                }
                let read = table.cie_from_offset(bases, offset)?;
                common.insert(offset, read.clone());
                Ok(read)
            });
            let Ok(parsed) = parsed else { continue };
            let (start, length) = (parsed.initial_address(), parsed.len());
            let sound = (1..=LONGEST).contains(&length)
                && start.checked_add(length).is_some()
                && program.is_code(start);
            if sound && let Ok(length) = u32::try_from(length) {
                entries.push((start, length));
            }
            if entries.len() == LIMIT {
                break;
            }
        }
        entries.sort_unstable();
        entries.dedup_by_key(|entry| entry.0);
        entries.shrink_to_fit();
        Self {
            entries,
            assumed: Vec::new(),
        }
    }

    /// These, by their start and length, sorted.
    #[cfg(test)]
    pub(crate) fn of(entries: &[(u64, u32)]) -> Self {
        Self {
            entries: entries.to_vec(),
            assumed: Vec::new(),
        }
    }

    /// Assumes functions where places of interest lie in none, from where direct calls lead. `places` are sorted.
    pub fn assume(&mut self, program: &Program, architecture: &dyn Architecture, places: &[u64]) {
        let is_open = |place: &u64| self.stated(*place).is_none();
        let open: Vec<u64> = places.iter().copied().filter(is_open).collect();
        let assumed = fallback::around(program, architecture, &open);
        // What the program states is better than what calls suggest.
        self.assumed = assumed
            .into_iter()
            .filter(|function| self.stated(function.start).is_none())
            .collect();
    }

    /// How many the program states.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the program states none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The function that an address lies in, as stated, else as assumed.
    pub fn containing(&self, address: u64) -> Option<Function> {
        self.stated(address).or_else(|| {
            let after = self.assumed.partition_point(|function| function.start <= address);
            let function = self.assumed.get(after.checked_sub(1)?)?;
            function.contains(address).then_some(*function)
        })
    }

    /// The end counts too: tables need not cover everything.
    fn stated(&self, address: u64) -> Option<Function> {
        let after = self.entries.partition_point(|&(start, _)| start <= address);
        let &(start, length) = self.entries.get(after.checked_sub(1)?)?;
        let function = Function {
            start,
            end: start.checked_add(length.into())?,
            bounds: Bounds::Stated,
        };
        function.contains(address).then_some(function)
    }
}
