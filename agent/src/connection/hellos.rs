//! ClientHellos from the wire, by client random, until a library's connection is found that has it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::facts::Role;
use crate::wire::{
    client_hello::{ClientHello, Transport},
    hello::Flow,
};

/// ClientHellos that are remembered: a client may connect long before its first request.
const REMEMBERED: usize = 32_768;
/// Flows on which one ClientHello is remembered to have been seen: translated addresses differ on each side.
const FLOWS: usize = 4;

/// A ClientHello that was seen.
#[derive(Clone, Debug)]
pub struct SeenHello {
    /// What it says.
    pub hello: Arc<ClientHello>,
    /// What carried it.
    pub transport: Transport,
    /// Where it was seen, first to last; at least one.
    pub flows: Vec<Flow>,
    /// When, nanoseconds of `CLOCK_BOOTTIME`.
    pub time: u64,
    /// What was found of each side, indexed by [`Role`].
    sides: [Side; 2],
    /// Another ClientHello had this random, and named another server.
    contradicted: bool,
}

/// Who shows one side of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Side {
    /// Nobody so far.
    #[default]
    Unclaimed,
    /// Nobody, and it was told under this number as one of which only the ClientHello can be seen.
    Told(u64),
    /// A library.
    Claimed,
}

impl SeenHello {
    /// Whether a library's connection on this side was found.
    pub fn is_claimed(&self, role: Role) -> bool {
        self.sides[role as usize] == Side::Claimed
    }
}

/// What came of adding a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is the first with its random.
    New,
    /// The same was seen before.
    Known,
    /// Another with its random was seen before, and named another server: from now on neither is believed.
    Contradicts,
}

/// The ClientHellos, by client random.
#[derive(Debug, Default)]
pub struct Hellos {
    seen: HashMap<[u8; 32], SeenHello>,
    order: VecDeque<[u8; 32]>,
}

impl Hellos {
    /// Takes a ClientHello that was seen on this flow.
    pub fn add(&mut self, hello: &Arc<ClientHello>, transport: Transport, flow: Flow, time: u64) -> Added {
        if let Some(seen) = self.seen.get_mut(&hello.random) {
            if seen.hello.server_name != hello.server_name {
                seen.contradicted = true;
                return Added::Contradicts;
            }
            if seen.flows.len() < FLOWS && !seen.flows.contains(&flow) {
                seen.flows.push(flow);
            }
            return Added::Known;
        }
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.order.push_back(hello.random);
        let seen = SeenHello {
            hello: Arc::clone(hello),
            transport,
            flows: vec![flow],
            time,
            sides: [Side::Unclaimed; 2],
            contradicted: false,
        };
        self.seen.insert(hello.random, seen);
        Added::New
    }

    /// The ClientHello of a library's connection on this side, and the number under which that side was told before.
    pub fn claim(&mut self, random: &[u8; 32], role: Option<Role>) -> Option<(&SeenHello, Option<u64>)> {
        let seen = self.seen.get_mut(random).filter(|seen| !seen.contradicted)?;
        let before = role.map(|role| std::mem::replace(&mut seen.sides[role as usize], Side::Claimed));
        let told = match before {
            Some(Side::Told(id)) => Some(id),
            _ => None,
        };
        Some((seen, told))
    }

    /// This side was told under this number: no library shows it.
    pub fn told(&mut self, random: &[u8; 32], role: Role, id: u64) {
        if let Some(seen) = self.seen.get_mut(random) {
            seen.sides[role as usize] = Side::Told(id);
        }
    }

    /// The ClientHello with this random, if there is one that can be believed.
    pub fn find(&self, random: &[u8; 32]) -> Option<&SeenHello> {
        self.seen.get(random).filter(|seen| !seen.contradicted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::client_hello::{EncryptedClientHello, Resumption, ServerName};

    fn hello(random: u32, name: &str) -> Arc<ClientHello> {
        let mut octets = [0; 32];
        octets[..4].copy_from_slice(&random.to_le_bytes());
        Arc::new(ClientHello {
            random: octets,
            legacy_version: 0x0303,
            supported_versions: Vec::new(),
            server_name: ServerName::Sent(name.to_owned()),
            protocols: Vec::new(),
            resumption: Resumption::default(),
            early_data: false,
            encrypted_client_hello: EncryptedClientHello::Absent,
            ja4: String::new(),
        })
    }

    fn flow(port: u16) -> Flow {
        Flow {
            source: ([127, 0, 0, 1], port).into(),
            destination: ([127, 0, 0, 2], 443).into(),
        }
    }

    fn add(hellos: &mut Hellos, hello: &Arc<ClientHello>, port: u16) -> Added {
        hellos.add(hello, Transport::Tcp, flow(port), 7)
    }

    #[test]
    fn one_hello_may_be_seen_on_several_flows() {
        let mut hellos = Hellos::default();
        let hello = hello(1, "a.example");
        assert_eq!(add(&mut hellos, &hello, 1), Added::New);
        assert_eq!(add(&mut hellos, &hello, 1), Added::Known);
        for port in 2..10 {
            assert_eq!(add(&mut hellos, &hello, port), Added::Known);
        }
        let seen = hellos.find(&hello.random).unwrap();
        assert_eq!(seen.flows, [flow(1), flow(2), flow(3), flow(4)]);
    }

    #[test]
    fn each_side_is_claimed_by_itself_and_what_was_told_of_it_is_taken_back() {
        let mut hellos = Hellos::default();
        let hello = hello(1, "a.example");
        add(&mut hellos, &hello, 1);
        hellos.told(&hello.random, Role::Server, 9);
        let (_, told) = hellos.claim(&hello.random, Some(Role::Client)).unwrap();
        assert_eq!(told, None);
        let seen = hellos.find(&hello.random).unwrap();
        assert!(seen.is_claimed(Role::Client) && !seen.is_claimed(Role::Server));
        let (_, told) = hellos.claim(&hello.random, Some(Role::Server)).unwrap();
        assert_eq!(told, Some(9));
    }

    #[test]
    fn hellos_that_contradict_each_other_are_not_believed() {
        let mut hellos = Hellos::default();
        let (one, other) = (hello(1, "a.example"), hello(1, "b.example"));
        add(&mut hellos, &one, 1);
        assert_eq!(add(&mut hellos, &other, 2), Added::Contradicts);
        assert!(hellos.find(&one.random).is_none());
        assert!(hellos.claim(&one.random, Some(Role::Server)).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let mut hellos = Hellos::default();
        for number in 0..40_000 {
            add(&mut hellos, &hello(number, "a.example"), 1);
        }
        assert_eq!((hellos.seen.len(), hellos.order.len()), (REMEMBERED, REMEMBERED));
        assert!(hellos.find(&hello(0, "").random).is_none(), "the oldest are gone");
    }
}
