//! ClientHellos that no library claims: of those connections nothing but the server name can be seen.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Observer, Output, Owner};
use crate::connection::{Facts, Process, Role};

/// How long a library may take to show a connection: it is told with its first application data, which follows the
/// handshake at once where a client connects because it has something to ask.
const GRACE: u64 = 2_000_000_000;

/// Client randoms whose connection may yet be shown by a library, with the time when that is no longer awaited.
#[derive(Debug, Default)]
pub(super) struct Waiting(VecDeque<(u64, [u8; 32])>);

impl Waiting {
    /// `seen`: nanoseconds of `CLOCK_BOOTTIME`.
    pub(super) fn add(&mut self, random: [u8; 32], seen: u64) {
        self.0.push_back((seen.saturating_add(GRACE), random));
    }

    fn due(&mut self, now: u64) -> Option<[u8; 32]> {
        self.0
            .pop_front_if(|(due, _)| *due <= now)
            .map(|(_, random)| random)
    }
}

impl Observer {
    /// Asks for the processes of those sides that no library showed in time.
    pub(super) fn ask_owners(&mut self, out: &mut Vec<Output>) {
        while let Some(random) = self.waiting.due(self.now) {
            let Some(seen) = self.hellos.find(&random) else {
                continue;
            };
            let roles: Vec<Role> = Role::ALL
                .into_iter()
                .filter(|role| !seen.is_claimed(*role))
                .collect();
            if !roles.is_empty() {
                out.push(Output::Unclaimed {
                    random,
                    transport: seen.transport,
                    roles,
                    flows: seen.flows.clone(),
                });
            }
        }
    }

    /// Tells the sides of a connection that belong to processes of this machine; or the connection itself, where
    /// neither a process nor a library of this machine has anything of it.
    pub(super) fn owned(&mut self, random: &[u8; 32], owners: Vec<Owner>, out: &mut Vec<Output>) {
        let Some(seen) = self.hellos.find(random) else {
            return;
        };
        let nobodys = owners.is_empty() && !Role::ALL.into_iter().any(|role| seen.is_claimed(role));
        let sides: Vec<_> = owners
            .into_iter()
            .filter(|owner| !seen.is_claimed(owner.role))
            .map(|owner| (Some(owner.role), owner.flow, owner.process))
            .collect();
        let unknown = seen.flows.first().map(|flow| (None, *flow, Process::default()));
        let opened_at = self.epoch.saturating_add(seen.time);
        let mut told = Vec::new();
        for (role, flow, process) in sides.into_iter().chain(unknown.filter(|_| nobodys)) {
            self.next_connection += 1;
            let facts = Facts::of_hello(
                self.next_connection,
                opened_at,
                seen,
                role,
                flow,
                Arc::new(process),
            );
            if facts.pid != 0 {
                self.sni_only.insert(facts.pid);
            }
            told.extend(role.map(|role| (role, facts.id)));
            out.push(Output::SniOnly(Arc::new(facts)));
        }
        for (role, id) in told {
            self.hellos.told(random, role, id);
        }
    }
}
