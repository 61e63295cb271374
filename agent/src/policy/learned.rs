//! What the policy adds to the facts of an exchange.

use std::net::SocketAddr;

use super::gateway::{Listener, listener_of};
use super::{Names, Policy};
use crate::connection::Process;
use crate::verdict::Learned;
use crate::verdict::name::Host;

/// An exchange, as far as the policy asks about it. What is not known fits nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Situation<'a> {
    /// The server's socket.
    pub server: Option<SocketAddr>,
    /// The server's process, if it is on this machine.
    pub server_process: Option<&'a Process>,
    /// The client's socket.
    pub client: Option<SocketAddr>,
    /// The client's process, if it is on this machine.
    pub client_process: Option<&'a Process>,
    /// The server name; `None` also where none was sent, or it is not known.
    pub sni: Option<&'a Host>,
    /// Whether it is known that no server name was sent.
    pub without_sni: bool,
    /// The effective authority.
    pub authority: Option<&'a Host>,
}

impl Policy {
    /// What the policy says of an exchange: `trusted_gateway`, `forward_proxy`, `alternative_service`,
    /// `same_listener`.
    ///
    /// Where SNI and authority are equal, `same_listener` decides nothing, and is not looked for: that is nearly every
    /// exchange.
    pub fn learned(&self, situation: &Situation<'_>) -> Learned {
        let Situation {
            server,
            server_process,
            client,
            client_process,
            authority,
            ..
        } = *situation;
        Learned {
            trusted_gateway: self
                .trusted_gateways
                .iter()
                .any(|gateway| gateway.is(client, client_process)),
            forward_proxy: self
                .forward_proxies
                .iter()
                .any(|proxy| proxy.is(server, server_process)),
            alternative_service: self.alternative_services.iter().any(|service| {
                service.server.is(server, server_process)
                    && (service.names.is_empty()
                        || authority.is_some_and(|authority| service.names.contains(authority)))
            }),
            same_listener: self.is_same_listener(situation),
            ..Learned::default()
        }
    }

    fn is_same_listener(&self, situation: &Situation<'_>) -> bool {
        let Some(authority) = situation.authority else {
            return false;
        };
        if situation.sni == Some(authority) {
            return false;
        }
        let together = |sni: &Host| {
            let both = |group: &Names| group.contains(sni) && group.contains(authority);
            self.shared_names.iter().any(both)
        };
        situation.sni.is_some_and(together) || self.is_on_one_listener(situation, authority)
    }

    fn is_on_one_listener(&self, situation: &Situation<'_>, authority: &Host) -> bool {
        if self.listeners.is_empty() || (situation.sni.is_none() && !situation.without_sni) {
            return false;
        }
        let Some(port) = situation.server.map(|server| server.port()) else {
            return false;
        };
        let of = |name: Option<&Host>| {
            let at_the_port = |listener: &&Listener| listener.port == port;
            listener_of(self.listeners.iter().filter(at_the_port), name)
        };
        // Names of listeners are unique.
        of(situation.sni).is_some_and(|own| of(Some(authority)).is_some_and(|other| own.name == other.name))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::policy::testing::parsed;
    use crate::verdict::name::normalise_server_name;

    fn host(name: &str) -> Host {
        normalise_server_name(name).unwrap()
    }

    fn process(exe: &str) -> Process {
        Process {
            exe: Some(exe.to_owned()),
            ..Process::default()
        }
    }

    fn socket(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_empty_policy_knows_nothing() {
        let name = host("a.example");
        let envoy = process("/usr/bin/envoy");
        let situation = Situation {
            server: Some(socket("10.0.0.1:443")),
            server_process: Some(&envoy),
            client: Some(socket("10.0.0.2:40000")),
            client_process: Some(&envoy),
            sni: Some(&name),
            without_sni: false,
            authority: Some(&name),
        };
        assert_eq!(Policy::default().learned(&situation), Learned::default());
    }

    #[test]
    fn a_gateway_is_a_client_and_a_proxy_is_a_server() {
        let policy = parsed(
            "[[trusted_gateway]]\nnetworks = ['10.1.0.0/16']\n[[forward_proxy]]\nport = 3128\nprocess = 'squid'\n",
        );
        let squid = process("/usr/sbin/squid");
        let proxied = Situation {
            server: Some(socket("192.0.2.1:3128")),
            server_process: Some(&squid),
            client: Some(socket("10.1.2.3:40000")),
            ..Situation::default()
        };
        let learned = policy.learned(&proxied);
        assert!(learned.trusted_gateway && learned.forward_proxy);
        let turned = Situation {
            server: proxied.client,
            client: proxied.server,
            client_process: Some(&squid),
            ..Situation::default()
        };
        assert_eq!(policy.learned(&turned), Learned::default());
        assert_eq!(policy.learned(&Situation::default()), Learned::default());
    }

    #[rstest]
    #[case::one_of_its_names(Some("a.shop.example"), "192.0.2.8:8443", true)]
    #[case::another_name(Some("a.example"), "192.0.2.8:8443", false)]
    #[case::unknown_name(None, "192.0.2.8:8443", false)]
    #[case::another_server(Some("a.shop.example"), "192.0.2.9:8443", false)]
    fn an_alternative_service_stands_in_for_its_names(
        #[case] authority: Option<&str>,
        #[case] server: &str,
        #[case] expected: bool,
    ) {
        let policy = parsed(
            "[[alternative_service]]\nnetworks = ['192.0.2.8']\nport = 8443\nnames = ['*.shop.example']\n",
        );
        let authority = authority.map(host);
        let situation = Situation {
            server: Some(socket(server)),
            authority: authority.as_ref(),
            ..Situation::default()
        };
        assert_eq!(policy.learned(&situation).alternative_service, expected);
    }

    #[test]
    fn an_alternative_service_without_names_stands_in_for_all() {
        let policy = parsed("[[alternative_service]]\nnetworks = ['192.0.2.8']\n");
        let situation = Situation {
            server: Some(socket("192.0.2.8:443")),
            ..Situation::default()
        };
        assert!(policy.learned(&situation).alternative_service);
    }

    /// The listeners of GEP-3567's table, on port 443.
    const LISTENERS: &str = "
        listener = [
            { name = 'any', port = 443 },
            { name = 'second', port = 443, hostname = 'second-example.org' },
            { name = 'wildcard', port = 443, hostname = '*.wildcard.org' },
            { name = 'fourth', port = 443, hostname = 'fourth-example.wildcard.org' },
        ]
        [[shared_names]]
        names = ['second-example.org', '*.third.example']
        ";

    #[rstest]
    #[case::one_wildcard("third-example.wildcard.org", "fifth-example.wildcard.org", 443, true)]
    #[case::exact_beside_a_wildcard("third-example.wildcard.org", "fourth-example.wildcard.org", 443, false)]
    #[case::catch_all("example.org", "unknown-example.org", 443, true)]
    #[case::catch_all_and_exact("example.org", "second-example.org", 443, false)]
    #[case::no_sni_is_the_catch_all("-", "example.org", 443, true)]
    #[case::no_sni_and_exact("-", "second-example.org", 443, false)]
    #[case::unknown_sni("?", "example.org", 443, false)]
    #[case::port_without_listeners("example.org", "unknown-example.org", 8443, false)]
    #[case::group("second-example.org", "a.third.example", 8443, true)]
    #[case::below_the_same_wildcard("b.third.example", "a.third.example", 8443, true)]
    #[case::only_one_in_the_group("second-example.org", "third.example", 8443, false)]
    #[case::no_sni_is_in_no_group("-", "a.third.example", 8443, false)]
    #[case::equal_names_need_no_listener("example.org", "example.org", 443, false)]
    fn names_share_a_listener_or_a_group(
        #[case] sni: &str,
        #[case] authority: &str,
        #[case] port: u16,
        #[case] expected: bool,
    ) {
        let sent = (!matches!(sni, "-" | "?")).then(|| host(sni));
        let authority = host(authority);
        let situation = Situation {
            server: Some(([192, 0, 2, 1], port).into()),
            sni: sent.as_ref(),
            without_sni: sni == "-",
            authority: Some(&authority),
            ..Situation::default()
        };
        assert_eq!(parsed(LISTENERS).learned(&situation).same_listener, expected);
    }
}
