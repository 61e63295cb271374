//! The kernel side's counters, summed over processors.

use aya::maps::{Map, MapData, MapError, PerCpuArray};
use ebpf::{
    fault::Fault,
    function::{HIT_SLOTS, hit_name},
};

/// Reads the counters.
pub struct Counters {
    losses: PerCpuArray<MapData, u64>,
    hits: PerCpuArray<MapData, u64>,
}

/// The counters at one moment: sums since the programs were loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By fault.
    pub losses: Vec<(Fault, u64)>,
    /// By probe.
    pub hits: Vec<(String, u64)>,
}

impl Counters {
    pub(super) fn new(losses: Map, hits: Map) -> Result<Self, MapError> {
        Ok(Self {
            losses: PerCpuArray::try_from(losses)?,
            hits: PerCpuArray::try_from(hits)?,
        })
    }

    /// The counters now; what cannot be read is left out.
    pub fn read(&self) -> Counts {
        let sum = |array: &PerCpuArray<MapData, u64>, slot: u32| {
            array.get(&slot, 0).ok().map(|values| values.iter().sum::<u64>())
        };
        let losses = Fault::ALL
            .into_iter()
            .filter_map(|fault| Some((fault, sum(&self.losses, fault as u32)?)));
        let hits = (0..HIT_SLOTS).filter_map(|slot| {
            let count = sum(&self.hits, slot).filter(|count| *count > 0)?;
            Some((hit_name(slot)?.into_owned(), count))
        });
        Counts {
            losses: losses.collect(),
            hits: hits.collect(),
        }
    }
}
