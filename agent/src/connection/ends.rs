//! Both ends of one connection, where both are on this machine: joined by the client random.

use std::collections::{HashMap, VecDeque};

use super::facts::{Key, Role};

/// Connections that are remembered. An end that comes later than this many others finds no pair.
const REMEMBERED: usize = 65_536;

/// What is known of the two ends, indexed by [`Role`].
type Pair = [End; 2];

/// One end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    /// None has come.
    #[default]
    Awaited,
    /// This connection.
    Here(Key),
    /// More than one has this random: a ClientHello was replayed, and no pair can be told from another.
    Several,
}

/// The ends of connections, by client random.
#[derive(Debug, Default)]
pub struct Ends {
    pairs: HashMap<[u8; 32], Pair>,
    order: VecDeque<[u8; 32]>,
}

impl Ends {
    /// The end on this side, if it is known and the only one.
    pub fn here(&self, random: &[u8; 32], role: Role) -> Option<Key> {
        match self.pairs.get(random)?[role as usize] {
            End::Here(key) => Some(key),
            End::Awaited | End::Several => None,
        }
    }

    /// Adds an end; tells the other, if both are known.
    pub fn add(&mut self, random: [u8; 32], role: Role, key: Key) -> Option<Key> {
        if !self.pairs.contains_key(&random) {
            if self.order.len() >= REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.pairs.remove(&oldest);
            }
            self.order.push_back(random);
        }
        let pair = self.pairs.entry(random).or_default();
        let end = &mut pair[role as usize];
        *end = match *end {
            End::Awaited => End::Here(key),
            End::Here(known) if known == key => End::Here(key),
            End::Here(_) | End::Several => End::Several,
        };
        match *pair {
            [End::Here(server), End::Here(client)] => Some(match role {
                Role::Server => client,
                Role::Client => server,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key(pid: u32) -> Key {
        Key { pid, ssl: 2, born: 3 }
    }

    #[test]
    fn each_end_is_told_the_other_whichever_comes_first() {
        for (first, second) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
            let mut ends = Ends::default();
            assert_eq!(ends.add([1; 32], first, key(1)), None);
            assert_eq!(ends.add([1; 32], second, key(2)), Some(key(1)));
            assert_eq!(ends.add([2; 32], second, key(3)), None, "another connection");
        }
    }

    #[test]
    fn two_servers_are_no_pair() {
        let mut ends = Ends::default();
        assert_eq!(ends.add([1; 32], Role::Server, key(1)), None);
        assert_eq!(ends.add([1; 32], Role::Server, key(2)), None);
        assert_eq!(
            ends.add([1; 32], Role::Client, key(3)),
            None,
            "of which of the two?"
        );
    }

    #[test]
    fn an_end_that_is_told_again_is_still_one() {
        let mut ends = Ends::default();
        assert_eq!(ends.add([1; 32], Role::Server, key(1)), None);
        assert_eq!(ends.add([1; 32], Role::Server, key(1)), None);
        assert_eq!(ends.add([1; 32], Role::Client, key(2)), Some(key(1)));
    }

    #[test]
    fn memory_is_bounded() {
        let mut ends = Ends::default();
        for number in 0..70_000_u32 {
            let mut random = [0; 32];
            random[..4].copy_from_slice(&number.to_le_bytes());
            let _ = ends.add(random, Role::Client, key(1));
        }
        assert_eq!((ends.pairs.len(), ends.order.len()), (REMEMBERED, REMEMBERED));
    }
}
