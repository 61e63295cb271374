//! Which side a process is, where its library does not say: its first request does.

use super::tracked::Tracked;
use super::{Loss, Observer, Output};
use crate::connection::{Key, Role, RoleSource, Socket};

impl Observer {
    /// Looks whether the requests of a connection tell by now which side the process is, and joins what that allows.
    pub(super) fn learn_role(&mut self, key: Key, out: &mut Vec<Output>) {
        let Some(tracked) = self.connections.get_mut(&key) else {
            return;
        };
        if tracked.facts().role.is_some() {
            return;
        }
        let Some(direction) = tracked.request_direction() else {
            return;
        };
        let role = Role::of_requests(direction);
        if self.is_at_the_other_end(key, role) {
            if let Some(tracked) = self.connections.get_mut(&key)
                && tracked.complain()
            {
                out.push(Loss::RoleConflict.told());
            }
            return;
        }
        self.change(key, out, |facts| {
            facts.role = Some(role);
            facts.role_source = Some(RoleSource::Requests);
        });
        self.hops.connected(key.pid, role);
        let facts = self.connections.get(&key).map(Tracked::facts);
        let joined = facts.filter(|facts| facts.hello.is_some());
        // The side is known only now: the ClientHello was joined without.
        if let Some(random) = joined.and_then(|facts| facts.client_random)
            && let Some((_, Some(told))) = self.hellos.claim(&random, Some(role))
        {
            out.push(Output::Superseded { id: told });
        }
        self.join(key, out);
    }

    /// Whether the process has the socket that the other side would have, as the ClientHello went.
    fn is_at_the_other_end(&self, key: Key, role: Role) -> bool {
        let Some(facts) = self.connections.get(&key).map(Tracked::facts) else {
            return false;
        };
        let (Some(random), Some(socket)) = (facts.client_random, facts.socket) else {
            return false;
        };
        let other = match role {
            Role::Server => Role::Client,
            Role::Client => Role::Server,
        };
        self.hellos.find(&random).is_some_and(|seen| {
            let mut flows = seen.flows.iter();
            flows.any(|flow| Socket::of_flow(*flow, other).is_at(&socket))
        })
    }
}
