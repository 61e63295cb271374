use rstest::rstest;

use super::*;
use crate::connection::{Socket, SocketSource};
use crate::export::testing::connection;

const SECOND: u64 = 1_000_000_000;
const NONE: u8 = 0;
const REQUESTED: u8 = 1;
const REQUIRED: u8 = 3;

/// A server's connection on this address, in a network namespace, with `SSL_VERIFY_*`.
fn facts(local: &str, netns: u32, verify_mode: Option<u8>) -> Facts {
    Facts {
        role: Some(Role::Server),
        socket: Some(Socket {
            local: local.parse().unwrap(),
            peer: "192.0.2.9:50000".parse().unwrap(),
            netns,
            source: SocketSource::Descriptor,
        }),
        verify_mode,
        ..connection(1)
    }
}

fn seen<'a>(connection: &'a Facts, sni: Option<&'a str>, authority: &'a str, status: u16) -> Seen<'a> {
    Seen {
        connection,
        role: Role::Server,
        sni,
        authority: Some(authority),
        status: Some(status),
        time: SECOND,
    }
}

#[rstest]
#[case::served(Some("b.example"), 200, true)]
#[case::moved(Some("b.example"), 301, true)]
#[case::wants_a_password(Some("b.example"), 401, true)]
#[case::refused(Some("b.example"), 404, false)]
#[case::misdirected(Some("b.example"), 421, false)]
#[case::failed(Some("b.example"), 503, false)]
#[case::on_another_connection(Some("a.example"), 200, false)]
#[case::without_a_name(None, 200, false)]
fn a_name_is_known_once_it_was_served_on_its_own_connection(
    #[case] sni: Option<&str>,
    #[case] status: u16,
    #[case] known: bool,
) {
    let facts = facts("192.0.2.1:443", 1, None);
    let mut listeners = Listeners::default();
    assert!(listeners.learn(&seen(&facts, sni, "b.example", status)));
    let asked = seen(&facts, Some("a.example"), "b.example", 404);
    assert_eq!(listeners.learned(&asked).known, known);
}

#[rstest]
#[case::demanded(Some(REQUIRED), Some(NONE), true)]
#[case::only_asked_for(Some(REQUESTED), Some(NONE), false)]
#[case::this_one_was_asked_too(Some(REQUIRED), Some(REQUESTED), false)]
#[case::this_one_is_not_known(Some(REQUIRED), None, false)]
#[case::its_own_is_not_known(None, Some(NONE), false)]
fn a_gap_needs_a_demand_there_and_none_here(
    #[case] own: Option<u8>,
    #[case] here: Option<u8>,
    #[case] gap: bool,
) {
    let mut listeners = Listeners::default();
    let own = facts("192.0.2.1:443", 1, own);
    listeners.learn(&seen(&own, Some("b.example"), "b.example", 200));
    let here = facts("192.0.2.1:443", 1, here);
    let asked = seen(&here, Some("a.example"), "b.example", 200);
    assert_eq!(listeners.learned(&asked).mtls_gap, gap);
}

#[test]
fn a_demand_that_was_dropped_is_none() {
    let mut listeners = Listeners::default();
    for mode in [REQUIRED, NONE] {
        let own = facts("192.0.2.1:443", 1, Some(mode));
        listeners.learn(&seen(&own, Some("b.example"), "b.example", 200));
    }
    let here = facts("192.0.2.1:443", 1, Some(NONE));
    assert!(
        !listeners
            .learned(&seen(&here, Some("a.example"), "b.example", 200))
            .mtls_gap
    );
}

#[rstest]
#[case::another_port("192.0.2.1:8443", 1, 1)]
#[case::another_address("192.0.2.2:443", 1, 1)]
#[case::another_namespace("192.0.2.1:443", 2, 1)]
#[case::loopback_of_an_unknown_namespace("127.0.0.1:443", 0, 2)]
fn what_is_known_of_one_listener_says_nothing_of_another(
    #[case] address: &str,
    #[case] netns: u32,
    #[case] pid: u32,
) {
    let mut listeners = Listeners::default();
    let own = Facts {
        pid: 1,
        ..facts(
            if pid == 2 {
                "127.0.0.1:443"
            } else {
                "192.0.2.1:443"
            },
            u32::from(pid != 2),
            None,
        )
    };
    listeners.learn(&seen(&own, Some("b.example"), "b.example", 200));
    let other = Facts {
        pid,
        ..facts(address, netns, None)
    };
    assert!(
        !listeners
            .learned(&seen(&other, Some("a.example"), "b.example", 404))
            .known
    );
    let same = seen(&own, Some("a.example"), "b.example", 404);
    assert!(listeners.learned(&same).known);
}

#[test]
fn what_was_not_seen_for_long_is_not_known() {
    let facts = facts("192.0.2.1:443", 1, None);
    let mut listeners = Listeners::default();
    listeners.learn(&seen(&facts, Some("b.example"), "b.example", 200));
    let late = Seen {
        time: SECOND + Limits::default().age + 1,
        ..seen(&facts, Some("a.example"), "b.example", 404)
    };
    assert!(!listeners.learned(&late).known);
}

#[test]
fn a_name_that_was_not_served_for_long_is_not_known_though_it_is_asked_for() {
    let facts = facts("192.0.2.1:443", 1, None);
    let mut listeners = Listeners::default();
    listeners.learn(&seen(&facts, Some("b.example"), "b.example", 200));
    let late = SECOND + Limits::default().age + 1;
    listeners.learn(&Seen {
        time: late,
        ..seen(&facts, Some("b.example"), "b.example", 404)
    });
    let asked = Seen {
        time: late,
        ..seen(&facts, Some("a.example"), "b.example", 404)
    };
    assert!(!listeners.learned(&asked).known);
}

#[test]
fn memory_is_bounded_and_the_oldest_listener_goes_first() {
    let mut listeners = Listeners::default();
    listeners.set_limits(Limits {
        listeners: 2,
        names: 2,
        ..Limits::default()
    });
    let mut learn = |port: u16, name: &str, time| {
        let facts = facts(&format!("192.0.2.1:{port}"), 1, None);
        listeners.learn(&Seen {
            time,
            ..seen(&facts, Some(name), name, 200)
        })
    };
    assert!(learn(1, "a.example", 1));
    assert!(learn(2, "a.example", 2));
    assert!(learn(2, "b.example", 3));
    assert!(!learn(2, "c.example", 4), "no room for a third name");
    assert!(learn(3, "a.example", 5));
    let kept: Vec<_> = listeners
        .iter()
        .map(|listener| listener.place.address.port())
        .collect();
    assert_eq!(kept, [2, 3]);
    let second = listeners.iter().next().unwrap();
    assert_eq!(second.unkept, 1);
    let names: Vec<_> = second.names().map(|(name, _)| name).collect();
    assert_eq!(names, [Some("a.example"), Some("b.example")]);
}

#[test]
fn clients_learn_of_the_servers_they_dial() {
    let dialled = Facts {
        role: Some(Role::Client),
        ..facts("192.0.2.5:50000", 3, None)
    };
    let mut listeners = Listeners::default();
    let client = |sni, authority, status| Seen {
        role: Role::Client,
        ..seen(&dialled, sni, authority, status)
    };
    listeners.learn(&client(Some("b.example"), "b.example", 200));
    assert!(
        listeners
            .learned(&client(Some("a.example"), "b.example", 404))
            .known
    );
    assert_eq!(
        listeners.iter().next().unwrap().place.address.to_string(),
        "192.0.2.9:50000"
    );
}
