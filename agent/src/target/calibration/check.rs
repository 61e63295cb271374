//! Whether the place of the client random that a library's accessor showed is the one where connections have it: the
//! second opinion on offsets that were derived from code.

use std::collections::{BTreeMap, BTreeSet};

use ebpf::layout::Layout;

use super::{Memory, Place, Random, Randoms, search};

/// Connections that must show the same.
const AGREEING: usize = 2;
/// Searches of one library. Connections that do not pass a watched interface show nothing, however often.
const SEARCHES: u32 = 1024;

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Connections have their randoms there.
    Agrees,
    /// They have them elsewhere.
    Contradicts(Place),
}

/// A connection of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its process.
    pub pid: u32,
    /// Its object.
    pub object: u64,
    /// What stands at the place that is checked.
    pub random: Random,
}

/// The check of one library.
#[derive(Debug)]
pub struct Check {
    place: Place,
    agreeing: BTreeSet<Random>,
    elsewhere: BTreeMap<Place, BTreeSet<Random>>,
    searches: u32,
    outcome: Option<Outcome>,
}

impl Check {
    /// A check of this layout; `None` if it states no place.
    pub fn of(layout: &Layout) -> Option<Self> {
        Some(Self {
            place: Place::of_layout(layout.client_random)?,
            agreeing: BTreeSet::new(),
            elsewhere: BTreeMap::new(),
            searches: 0,
            outcome: None,
        })
    }

    /// Whether it came to nothing yet.
    pub const fn is_open(&self) -> bool {
        self.outcome.is_none() && self.searches < SEARCHES
    }

    /// Takes a connection; tells what the check came to, once.
    pub fn opened(&mut self, opened: &Opened, memory: &impl Memory, randoms: &Randoms) -> Option<Outcome> {
        if !self.is_open() {
            return None;
        }
        if randoms.has(&opened.random) {
            self.agreeing.insert(opened.random);
        } else {
            self.searches += 1;
            for (place, random) in search(memory, opened.object, randoms) {
                if place != self.place && randoms.counts(&random) {
                    self.elsewhere.entry(place).or_default().insert(random);
                }
            }
        }
        let elsewhere = self.elsewhere.iter().find(|(_, found)| found.len() >= AGREEING);
        self.outcome = if self.agreeing.len() >= AGREEING {
            Some(Outcome::Agrees)
        } else if self.agreeing.is_empty() {
            // A copy of the random somewhere is no contradiction while the place itself has shown one.
            elsewhere.map(|(place, _)| Outcome::Contradicts(*place))
        } else {
            None
        };
        self.outcome
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    use super::*;
    use crate::wire::hello::Flow;

    const REAL: u32 = 0x160;
    const FLOW: Flow = Flow {
        source: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50_000),
        destination: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 443),
    };

    struct Object(Random);

    impl Memory for Object {
        fn read(&self, _address: u64, buffer: &mut [u8]) -> usize {
            buffer.fill(0);
            let at = usize::try_from(REAL).unwrap();
            buffer[at..at + 32].copy_from_slice(&self.0);
            buffer.len()
        }
    }

    fn random(number: u8) -> Random {
        [number; 32]
    }

    fn layout(offset: u32) -> Layout {
        Layout {
            client_random: [ebpf::layout::UNKNOWN, offset],
            ..Layout::NOTHING
        }
    }

    /// A connection whose random the wire showed and whose object has it at the real place, read at another.
    fn connection(
        check: &mut Check,
        randoms: &mut Randoms,
        number: u8,
        reads_right: bool,
    ) -> Option<Outcome> {
        randoms.add(random(number), true, FLOW);
        let opened = Opened {
            pid: 1,
            object: 0x1000,
            random: if reads_right { random(number) } else { [0xee; 32] },
        };
        check.opened(&opened, &Object(random(number)), randoms)
    }

    #[test]
    fn two_connections_are_enough_to_agree() {
        let mut check = Check::of(&layout(REAL)).unwrap();
        let mut randoms = Randoms::default();
        assert_eq!(connection(&mut check, &mut randoms, 1, true), None);
        assert_eq!(
            connection(&mut check, &mut randoms, 1, true),
            None,
            "the same again"
        );
        assert_eq!(
            connection(&mut check, &mut randoms, 2, true),
            Some(Outcome::Agrees)
        );
        assert!(!check.is_open());
        assert_eq!(connection(&mut check, &mut randoms, 3, true), None, "told once");
    }

    #[test]
    fn randoms_at_another_place_contradict() {
        let mut check = Check::of(&layout(REAL + 8)).unwrap();
        let mut randoms = Randoms::default();
        assert_eq!(connection(&mut check, &mut randoms, 1, false), None);
        let place = Place {
            pointer: None,
            offset: REAL,
        };
        assert_eq!(
            connection(&mut check, &mut randoms, 2, false),
            Some(Outcome::Contradicts(place))
        );
    }

    /// The object of a client that encrypts its ClientHello may keep the outer one too.
    #[test]
    fn the_random_of_an_outer_client_hello_does_not_contradict() {
        let mut check = Check::of(&layout(REAL + 8)).unwrap();
        let mut randoms = Randoms::default();
        for number in 1..9 {
            randoms.add(random(number), false, FLOW);
            let opened = Opened {
                pid: 1,
                object: 0x1000,
                random: [0xee; 32],
            };
            assert_eq!(check.opened(&opened, &Object(random(number)), &randoms), None);
        }
    }

    #[test]
    fn connections_that_the_wire_does_not_show_decide_nothing() {
        let mut check = Check::of(&layout(REAL)).unwrap();
        let randoms = Randoms::default();
        let opened = Opened {
            pid: 1,
            object: 0x1000,
            random: random(1),
        };
        for _ in 0..SEARCHES {
            assert!(check.is_open());
            assert_eq!(check.opened(&opened, &Object(random(1)), &randoms), None);
        }
        assert!(!check.is_open(), "it is given up");
    }

    #[test]
    fn a_layout_without_the_place_is_not_checked() {
        assert!(Check::of(&Layout::NOTHING).is_none());
    }
}
