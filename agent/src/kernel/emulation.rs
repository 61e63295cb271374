//! Measures which instructions the running kernel emulates under a probe: the agent probes functions of its own and
//! calls them.

use std::{
    collections::HashMap,
    fs::{self, File},
    os::fd::AsRawFd as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use aya::programs::{
    UProbe,
    uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeLink},
};

use super::{
    Attached, Kernel, LoadError,
    load::{refused, refused_program},
    samples::Sample,
};
use crate::target::emulation::{Cost, Emulation, Kind};

/// Calls that are timed together: enough that reading the clock does not count.
const CALLS: u32 = 32;
/// How often they are timed. The least counts: whatever disturbs a batch makes it longer.
const BATCHES: u32 = 8;
/// What is not measured after this time stays unknown.
const BUDGET: Duration = Duration::from_millis(500);
/// Programs of the probes.
const ENTRY: &str = "empty_entry";
const RETURN: &str = "empty_return";

impl Kernel {
    /// Measures what a probe on each kind of instruction costs. Takes about a tenth of a second, most of it the
    /// kernel's waiting while it places the probes; not much more than the limit of half a second.
    ///
    /// Returns the probes too, which cost nothing where they stand: since Linux 6.12 the kernel waits about a tenth of
    /// a second for each that is detached, one after the other, and lets nobody else attach meanwhile. They are to be
    /// dropped when nothing will be attached any more.
    ///
    /// # Errors
    /// Returns what the kernel refused, or which file of `/proc` cannot be used.
    pub fn measure_emulation(&mut self) -> Result<(Emulation, Attached), LoadError> {
        for name in [ENTRY, RETURN] {
            let program: &mut UProbe = self.program(name)?;
            program.load().map_err(|error| refused_program(name, &error))?;
        }
        let measured = self.measure();
        // They live on until the last of their probes is dropped.
        for name in [ENTRY, RETURN] {
            let program: &mut UProbe = self.program(name)?;
            program.unload().map_err(|error| refused(name, &error))?;
        }
        measured
    }

    fn measure(&mut self) -> Result<(Emulation, Attached), LoadError> {
        let deadline = Instant::now() + BUDGET;
        let executable = File::open("/proc/self/exe").map_err(|error| refused("/proc/self/exe", &error))?;
        let maps =
            fs::read_to_string("/proc/self/maps").map_err(|error| refused("/proc/self/maps", &error))?;
        let mut links = Vec::new();
        let mut costs = HashMap::new();
        let mut pair = None;
        for kind in Kind::MEASURED {
            let Some(sample) = Sample::of(kind).filter(|_| Instant::now() < deadline) else {
                continue;
            };
            let offset = file_offset(&maps, sample.address())
                .ok_or_else(|| refused("a probe", "the agent's own code is in no file"))?;
            let bare = least(sample);
            links.push(self.probe_itself(ENTRY, &executable, offset)?);
            costs.insert(kind, cost(bare, least(sample)));
            if kind == Kind::Push {
                links.push(self.probe_itself(RETURN, &executable, offset)?);
                pair = Some(cost(bare, least(sample)));
            }
        }
        let mut emulation = Emulation::measured(|kind| costs.get(&kind).copied());
        emulation.pair = pair;
        Ok((
            emulation,
            Attached {
                _links: links,
                entries: Vec::new(),
            },
        ))
    }

    /// In all processes, as the probes are whose cost is to be known: none but agents run this file.
    fn probe_itself(&mut self, name: &str, executable: &File, offset: u64) -> Result<UProbeLink, LoadError> {
        let path = PathBuf::from(format!("/proc/self/fd/{}", executable.as_raw_fd()));
        let point = UProbeAttachPoint {
            location: UProbeAttachLocation::AbsoluteOffset(offset),
            cookie: None,
        };
        self.probe(name, point, &path)
            .map_err(|error| refused("a probe", error.to_string().as_str()))
    }
}

/// What a probe adds to a call, by the times of a batch without and with it.
fn cost(bare: Duration, probed: Duration) -> Cost {
    let nanoseconds = probed.saturating_sub(bare).as_nanos() / u128::from(CALLS);
    Cost {
        nanoseconds: u64::try_from(nanoseconds).unwrap_or(u64::MAX),
    }
}

/// The shortest time of a batch of calls.
fn least(sample: Sample) -> Duration {
    let batch = || {
        let start = Instant::now();
        for _ in 0..CALLS {
            sample.call();
        }
        start.elapsed()
    };
    (0..BATCHES).map(|_| batch()).min().unwrap_or_default()
}

/// Where in its file the code at an address is, by the mappings as `/proc/PID/maps` lists them:
/// `start-end perms offset major:minor inode   path`.
pub(super) fn file_offset(maps: &str, address: u64) -> Option<u64> {
    let hexadecimal = |digits: &str| u64::from_str_radix(digits, 16).ok();
    maps.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let (start, end) = (hexadecimal(start)?, hexadecimal(end)?);
        let offset = hexadecimal(fields.nth(1)?)?;
        let inode = fields.nth(1)?;
        let holds = (start..end).contains(&address) && inode != "0";
        holds.then(|| offset + (address - start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
55d0c0000000-55d0c0010000 r--p 00000000 fd:00 77   /usr/bin/wrongway
55d0c0010000-55d0c0090000 r-xp 0000f000 fd:00 77   /usr/bin/wrongway
7f0000000000-7f0000001000 r-xp 00000000 00:00 0 
";

    #[test]
    fn an_address_is_found_in_the_file() {
        assert_eq!(file_offset(MAPS, 0x55d0_c001_0123), Some(0xf123));
    }

    #[test]
    fn the_end_of_a_mapping_is_outside() {
        assert_eq!(file_offset(MAPS, 0x55d0_c009_0000), None);
    }

    #[test]
    fn memory_that_belongs_to_no_file_has_no_place_in_one() {
        assert_eq!(file_offset(MAPS, 0x7f00_0000_0010), None);
    }
}
