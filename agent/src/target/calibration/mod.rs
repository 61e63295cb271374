//! Where a build keeps the client random of a connection, found on live ones: its 32 bytes are known from the wire, and
//! are looked for in the object and behind the pointers in it.
//!
//! One hit may be chance: a buffer that still holds the ClientHello has the same bytes, and an object beside it the random of
//! another connection. So a place counts only if it shows several connections their own.

mod check;

use std::collections::{HashMap, VecDeque};

use ebpf::layout::UNKNOWN;

use crate::connection::{Role, Socket};
use crate::wire::hello::Flow;

pub use check::{Check, Opened, Outcome};

/// Bytes of the object that are searched, and of each object that it points to.
const REACH: usize = 2048;
/// Lowest address that is taken for a pointer: nothing is mapped below.
const LOWEST: u64 = 1 << 16;
/// Behind the highest address of a process.
const HIGHEST: u64 = 1 << 47;
/// Flows on which one ClientHello is remembered to have been seen: translated addresses differ on each side.
const FLOWS: usize = 4;
/// Randoms that are remembered.
const REMEMBERED: usize = 1 << 14;

/// The client random of a ClientHello.
pub type Random = [u8; 32];

/// The memory of a process.
pub trait Memory {
    /// Copies bytes from an address on; gives how many could be read.
    fn read(&self, address: u64, buffer: &mut [u8]) -> usize;
}

/// Where the random is: in the object itself, or in one that it points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Offset of the pointer; `None`: it is in the object itself.
    pub pointer: Option<u32>,
    /// Offset of the random.
    pub offset: u32,
}

impl Place {
    /// The place that a layout states, if it states one.
    pub fn of_layout([pointer, offset]: [u32; 2]) -> Option<Self> {
        (offset != UNKNOWN).then_some(Self {
            pointer: (pointer != UNKNOWN).then_some(pointer),
            offset,
        })
    }

    /// As [`ebpf::layout::Layout::client_random`] states it.
    pub fn in_layout(self) -> [u32; 2] {
        [self.pointer.unwrap_or(UNKNOWN), self.offset]
    }
}

/// A client random that the wire showed.
#[derive(Debug)]
struct Known {
    random: Random,
    /// Whether it is the one that its connection has for certain.
    counts: bool,
    /// Where its ClientHello was seen.
    flows: Vec<Flow>,
}

/// Client randoms that the wire showed, the latest.
#[derive(Debug, Default)]
pub struct Randoms {
    /// By the first eight bytes.
    known: HashMap<u64, Known>,
    order: VecDeque<u64>,
}

impl Randoms {
    /// Remembers one. `counts`: no encrypted ClientHello, whose random the connection would have instead (RFC 9849,
    /// section 6.1), came with it.
    pub fn add(&mut self, random: Random, counts: bool, flow: Flow) {
        let start = start(&random);
        if let Some(known) = self.known.get_mut(&start).filter(|known| known.random == random) {
            if known.flows.len() < FLOWS && !known.flows.contains(&flow) {
                known.flows.push(flow);
            }
            return;
        }
        let known = Known {
            random,
            counts,
            flows: vec![flow],
        };
        if self.known.insert(start, known).is_some() {
            return;
        }
        self.order.push_back(start);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Whether the wire showed it.
    pub fn has(&self, random: &Random) -> bool {
        self.get(random).is_some()
    }

    /// Whether the wire showed it on this socket, which is either end's.
    pub fn is_of(&self, random: &Random, socket: &Socket) -> bool {
        let is_at = |flow: &Flow| {
            Role::ALL
                .into_iter()
                .any(|role| Socket::of_flow(*flow, role).is_at(socket))
        };
        self.get(random)
            .is_some_and(|known| known.flows.iter().any(is_at))
    }

    /// Whether the wire showed it, and it is the one that its connection has for certain.
    fn counts(&self, random: &Random) -> bool {
        self.get(random).is_some_and(|known| known.counts)
    }

    fn get(&self, random: &Random) -> Option<&Known> {
        self.known
            .get(&start(random))
            .filter(|known| known.random == *random)
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The randoms in some bytes, with their offsets.
    fn within(&self, bytes: &[u8]) -> impl Iterator<Item = (usize, Random)> {
        bytes.windows(32).enumerate().filter_map(|(offset, window)| {
            let window: &Random = window.try_into().ok()?;
            self.has(window).then_some((offset, *window))
        })
    }
}

fn start(random: &Random) -> u64 {
    let [first, ..] = random.as_chunks::<8>().0 else {
        return 0;
    };
    u64::from_ne_bytes(*first)
}

/// Looks for known randoms in and behind an object.
pub(super) fn search(memory: &impl Memory, object: u64, randoms: &Randoms) -> Vec<(Place, Random)> {
    let mut bytes = [0; REACH];
    let length = memory.read(object, &mut bytes);
    let here = &bytes[..length];
    let mut found: Vec<_> = randoms
        .within(here)
        .filter_map(|(offset, random)| Some((place(None, offset)?, random)))
        .collect();
    let mut behind = [0; REACH];
    for (index, word) in here.as_chunks::<8>().0.iter().enumerate() {
        let address = u64::from_ne_bytes(*word);
        if !(LOWEST..HIGHEST).contains(&address) || !address.is_multiple_of(8) {
            continue;
        }
        let length = memory.read(address, &mut behind);
        let hits = randoms.within(&behind[..length]);
        found.extend(hits.filter_map(|(offset, random)| Some((place(Some(index * 8), offset)?, random))));
    }
    found
}

fn place(pointer: Option<usize>, offset: usize) -> Option<Place> {
    Some(Place {
        pointer: pointer.map(u32::try_from).transpose().ok()?,
        offset: u32::try_from(offset).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of memory, each with its address.
    struct Pieces(Vec<(u64, Vec<u8>)>);

    impl Memory for Pieces {
        fn read(&self, address: u64, buffer: &mut [u8]) -> usize {
            let piece = self.0.iter().find_map(|(start, bytes)| {
                let skip = usize::try_from(address.checked_sub(*start)?).ok()?;
                bytes.get(skip..).filter(|rest| !rest.is_empty())
            });
            let Some(piece) = piece else { return 0 };
            let length = piece.len().min(buffer.len());
            buffer[..length].copy_from_slice(&piece[..length]);
            length
        }
    }

    const OBJECT: u64 = 0x7000_0000_1000;
    const OTHER: u64 = 0x7000_0001_0000;

    fn flow(port: u16) -> Flow {
        Flow {
            source: ([127, 0, 0, 1], port).into(),
            destination: ([127, 0, 0, 2], 443).into(),
        }
    }

    fn random(number: u8) -> Random {
        std::array::from_fn(|index| number ^ u8::try_from(index).unwrap())
    }

    fn known(numbers: &[u8]) -> Randoms {
        let mut randoms = Randoms::default();
        for number in numbers {
            randoms.add(random(*number), true, flow(1));
        }
        randoms
    }

    fn object(size: usize, parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; size];
        for (offset, part) in parts {
            bytes[*offset..offset + part.len()].copy_from_slice(part);
        }
        bytes
    }

    #[test]
    fn it_is_found_in_the_object() {
        let memory = Pieces(vec![(OBJECT, object(1024, &[(0x148, &random(1))]))]);
        let place = Place {
            pointer: None,
            offset: 0x148,
        };
        assert_eq!(search(&memory, OBJECT, &known(&[1, 2])), [(place, random(1))]);
        assert_eq!(place.in_layout(), [UNKNOWN, 0x148]);
        assert_eq!(search(&memory, OBJECT, &known(&[2])), []);
    }

    #[test]
    fn it_is_found_behind_a_pointer() {
        let pointer = OTHER.to_ne_bytes();
        let memory = Pieces(vec![
            (OBJECT, object(1024, &[(0x30, &pointer), (0x38, &[0xff; 8])])),
            (OTHER, object(4096, &[(0x30, &random(1)), (3000, &random(2))])),
        ]);
        let place = Place {
            pointer: Some(0x30),
            offset: 0x30,
        };
        assert_eq!(
            search(&memory, OBJECT, &known(&[1, 2])),
            [(place, random(1))],
            "2 is out of reach"
        );
        assert_eq!(place.in_layout(), [0x30, 0x30]);
    }

    #[test]
    fn every_place_is_told() {
        let memory = Pieces(vec![(
            OBJECT,
            object(
                REACH,
                &[(8, &random(1)), (100, &random(1)), (REACH - 32, &random(2))],
            ),
        )]);
        let offsets: Vec<_> = search(&memory, OBJECT, &known(&[1, 2]))
            .iter()
            .map(|(place, _)| place.offset)
            .collect();
        assert_eq!(offsets, [8, 100, u32::try_from(REACH - 32).unwrap()]);
    }

    #[test]
    fn memory_that_is_gone_shows_nothing() {
        assert_eq!(search(&Pieces(vec![]), OBJECT, &known(&[1])), []);
        let cut = Pieces(vec![(OBJECT, random(1)[..31].to_vec())]);
        assert_eq!(search(&cut, OBJECT, &known(&[1])), []);
    }

    #[test]
    fn randoms_are_bounded_and_the_oldest_go() {
        let mut randoms = Randoms::default();
        assert!(randoms.is_empty());
        let numbered = |number: u64| {
            let mut random = [7; 32];
            random[..8].copy_from_slice(&number.to_ne_bytes());
            random
        };
        for number in 0..REMEMBERED as u64 + 10 {
            randoms.add(numbered(number), true, flow(1));
            randoms.add(numbered(number), true, flow(1));
        }
        assert_eq!(
            (randoms.known.len(), randoms.order.len()),
            (REMEMBERED, REMEMBERED)
        );
        assert!(!randoms.has(&numbered(9)) && randoms.has(&numbered(10)));
        let mut other = numbered(10);
        other[31] = 8;
        assert!(!randoms.has(&other), "all of it counts");
    }

    #[test]
    fn a_random_is_of_the_sockets_at_both_ends_of_its_flows() {
        let mut randoms = Randoms::default();
        for port in 1..9 {
            randoms.add(random(1), true, flow(port));
        }
        let at = |role, port| Socket::of_flow(flow(port), role);
        for role in Role::ALL {
            assert!(randoms.is_of(&random(1), &at(role, 1)));
            assert!(randoms.is_of(&random(1), &at(role, 4)));
            assert!(
                !randoms.is_of(&random(1), &at(role, 5)),
                "more than are remembered"
            );
            assert!(!randoms.is_of(&random(2), &at(role, 1)));
        }
    }
}
